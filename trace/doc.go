// Package trace writes one OpenTelemetry span for each exchange, which says
// whether the request reused its connection and, if not, why, with a link to
// the earlier request that cost it; and the metrics of requests and connections.
//
//	tr := trace.New(trace.Options{})
//	client := roundtripper.Client(client, tr.Middleware, drain.New(drain.Options{}).Middleware, pool.New(pool.Options{}).Middleware)
//
// # The span
//
// Its kind is CLIENT and its name the method, or HTTP for a method that the
// conventions do not know, with the URL's template if the context has one
// (URLTemplate). It follows the semantic conventions for HTTP, 1.43:
//
//   - at its start, for samplers: http.request.method (and
//     http.request.method_original, 64 bytes of printable ASCII at most),
//     server.address, server.port, always, url.full without user information and
//     without what Query takes for credentials, url.template,
//     http.request.resend_count on a redirect and as ResendCount says;
//   - at its end: http.response.status_code, network.protocol.version,
//     network.peer.address, network.peer.port, error.type.
//
// Of the connection it says, under the names that otelhttptrace made familiar,
// http.conn.reused, http.conn.wasidle and, if it was idle, http.conn.idletime.
// New attributes are under warmconn., with times in seconds:
//
//   - warmconn.new_reason, only on a new connection: why it was new, by
//     roundtripper.NewReason. If an earlier exchange is to blame, the span has
//     a link to that one's, with the same attribute;
//   - warmconn.lost_reason, only if the connection can't be used again: why;
//   - warmconn.conn_id, unique in the stack; warmconn.conn_uses, this one
//     included, and warmconn.conn_age, of a reused one;
//   - warmconn.pool_wait and warmconn.conn_wait, only if the request waited: in
//     the pool's queue, and for a connection, dials included;
//   - warmconn.outcome: how the exchange ended, by roundtripper.Outcome;
//   - warmconn.bytes_drained and warmconn.drain_time, only if a drain read
//     anything;
//   - warmconn.leaked, true, only if the body was never closed. Such a span ends
//     at the time of the last Read, or of the response.
//
// error.type is the status code as a string for 400 and above, or one of
// canceled, timeout, dns, refused, reset, eof, tls, malformed (the response is not
// valid HTTP), server_closed_idle (the server closed the connection before this
// request was sent on it), goaway, conn_lost (an HTTP/2 connection answered no
// ping), proxy_auth (a proxy answered CONNECT with 407; where pool does not own the
// connections, only if the proxy says so in HTTP's own words), pool_queue_full,
// pool_wait_timeout, pool_deadlock, pool_shed, pool_closed and _OTHER; an error with a method
// ErrorType() string names itself. A caller's own cancellation is no
// error: it is outcome canceled without error.type; canceled as an error type
// means that the program, or a foreign library, did it.
//
// Phases adds what otelhttptrace knows of a request, ConnectionSpans how its
// connection was made. With Annotate there is no span, and the facts of the
// connection go onto a foreign one.
//
// # Metrics
//
// By the conventions, with their buckets, units and required attributes:
// http.client.request.duration, which is stable, and http.client.active_requests,
// http.client.open_connections and http.client.connection.duration. Where pool
// owns the connections they agree with the kernel; elsewhere connections that are
// believed to be open are counted, and no duration. Their network.protocol.version is
// there from the first request on: 2, 3, or 1.1 for all of HTTP/1. Connections that are made
// ahead of requests count without it until they have served one. Several Tracers in one
// stack with one MeterProvider count a request and a connection once, and so do
// stacks on two sides of foreign middleware; stacks over one base without
// pool count its connections each. The kit's own:
//
//   - warmconn.request.time_in_queue (s): the wait for a slot and a connection,
//     of requests that did wait;
//   - warmconn.connection.new ({connection}), by warmconn.new_reason;
//   - warmconn.connection.requests ({request}): how many a connection carried,
//     when it is closed; it needs pool, as connection.duration does;
//   - warmconn.connection.setup.duration (s), by warmconn.setup.phase: dns,
//     connect, tls;
//   - warmconn.drain.size (By) and warmconn.drain.duration (s), by
//     warmconn.outcome;
//   - warmconn.leaks ({body}).
//
// All have server.address and server.port. Of peers' addresses, which are of high
// cardinality, they say nothing unless PeerAddress is set.
//
// # Deviations from the conventions
//
// The span, and with it the duration, ends when the body has ended, not at the
// headers, for only then is it known what became of the connection; EndAtHeaders
// has it otherwise. url.full has no fragment: it is not sent, and may hold a
// token; and of its query more is redacted than the conventions ask for, whatever the
// case, unless Query says otherwise. What its own caller has cancelled has neither error.type nor the status of
// an error, though RoundTrip failed: nothing went wrong. The span of a leaked body
// is ended when the collector has found it, with an earlier time.
// OTEL_INSTRUMENTATION_HTTP_KNOWN_METHODS is not read: the methods that the
// conventions name are known, and a library does not look into the environment.
//
// # Unlike otelhttp
//
// The span's name is GET, not HTTP GET, as the conventions want. Samplers see the
// attributes. server.port is there even if it is the scheme's own; network.peer.*
// and http.request.resend_count are there, and credentials in the query are not. A
// body that is never closed has a span. The request's headers are not copied
// deeply. Errors of the body's Read set the status by their class, not by their
// text, which may quote anything. There are no events for reads and writes, no
// sizes of bodies, and no attributes from a context's labeler: RequestAttributes
// and ResponseAttributes are in their place.
//
// # What it changes
//
// The request that goes down has the propagator's headers, on a copy of the
// header map whose values are shared.
//
// # What it never touches
//
// The caller's request, the response and its body, and errors.
//
// # Where it stands
//
// Outermost in the kit, and below a retrier, so that each attempt has its
// span. Of two trace layers with one TracerProvider, the outer one writes the
// span, also if foreign middleware stands between them; but if that
// retries, the second attempt and later ones have spans and durations of their
// own, below that of the whole, and if it sends a request to another host or path,
// so has that. A Tracer above a foreign retrier with none below it knows the
// connection of the last attempt only. Of two with a TracerProvider each, both link
// to spans of the inner one's. A request with an Exempt context has none.
//
// # What it costs
//
// BenchmarkTrace prints it; the module in benchmarks compares it with otelhttp,
// and pins that trace, drain and pool together allocate no more than that does.
//
// # When a request is finished
//
// As in package roundtripper: the span ends after the body was drained and the
// slot given back.
package trace
