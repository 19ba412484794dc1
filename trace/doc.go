// Package trace writes one OpenTelemetry span for each exchange, which says
// whether the request reused its connection and, if not, why, with a link to
// the earlier request that cost it.
//
//	tr := trace.New(trace.Options{})
//	client := roundtripper.Client(client, tr.Middleware, drain.New(drain.Options{}).Middleware)
//
// # The span
//
// Its kind is CLIENT and its name the method, or HTTP for a method that the
// conventions do not know. It follows the semantic conventions for HTTP, 1.43:
//
//   - at its start, for samplers: http.request.method (and
//     http.request.method_original), server.address, server.port, url.full
//     without secrets, http.request.resend_count on a redirect;
//   - at its end: http.response.status_code, network.protocol.version,
//     network.peer.address, network.peer.port, error.type.
//
// Of the connection it says, under the names that otelhttptrace made familiar,
// http.conn.reused, http.conn.wasidle and, if it was idle, http.conn.idletime.
// What is new is under warmconn.:
//
//   - warmconn.new_reason, only on a new connection: why it was new, by
//     roundtripper.NewReason. If an earlier exchange is to blame, the span has
//     a link to that one's, with the same attribute;
//   - warmconn.lost_reason, only if the connection can't be used again: why;
//   - warmconn.outcome: how the exchange ended, by roundtripper.Outcome;
//   - warmconn.bytes_drained, only if the drain read anything;
//   - warmconn.leaked, true, only if the body was never closed.
//
// error.type is the status code as a string for 400 and above, or one of
// canceled, timeout, dns, refused, reset, eof, tls, pool_queue_full,
// pool_wait_timeout, pool_shed, pool_closed and _OTHER; an error with a method
// ErrorType() string names itself. A caller's own cancellation is no
// error: it is outcome canceled without error.type; canceled as an error type
// means that somebody else did it.
//
// # Deviations from the conventions
//
// The span ends when the body has ended, not at the headers, for only then is
// it known what became of the connection. url.full has no fragment: it is not
// sent, and may hold a token. The span of a leaked body is ended when the
// collector has found it.
//
// # What it changes
//
// The request that goes down has the propagator's headers, on a copy of the
// header map whose values are shared.
//
// # Where it stands
//
// Outermost in the kit, and below a retrier, so that each attempt has its
// span. Of two trace layers with one TracerProvider, the outer one writes the
// span, also if somebody else's middleware stands between them; but if that
// retries, the second attempt and later ones have spans of their own, below
// that of the whole.
//
// # What it costs
//
// BenchmarkTrace prints it.
//
// # When a request is finished
//
// As in package roundtripper: the span ends after the body was drained and the
// slot given back.
package trace
