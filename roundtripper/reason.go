package roundtripper

// NewReason says why a connection was new, or why one was lost. Readers must
// expect words that are not listed here.
type NewReason string

const (
	// ReasonFirst: the stack's first to that host, or the first since the host
	// was forgotten: one without connections, when there are many others.
	ReasonFirst NewReason = "first"
	// ReasonAllBusy: every connection to the host was in use. Over HTTP/2 they had as
	// many streams as the server, or pool.Options.MaxStreamsPerConn, allows; or the host
	// had fewer connections than MinHTTP2Conns.
	ReasonAllBusy NewReason = "all_busy"
	// ReasonDraining: the culprit's body was still being drained in the
	// background, by drain if it is asked to, or by net/http (Go 1.27). Only pool
	// can see that net/http does; without it the reason is ReasonBodyUnread. As a
	// LostReason: net/http is about to, and the connection may come back.
	ReasonDraining NewReason = "draining"
	// ReasonBodyUnread: the culprit closed its body before EOF.
	ReasonBodyUnread NewReason = "body_unread"
	// ReasonBodyLeaked: the culprit never closed its body.
	ReasonBodyLeaked NewReason = "body_leaked"
	// ReasonCanceled: the culprit's context was cancelled.
	ReasonCanceled NewReason = "canceled"
	// ReasonTimeout: the culprit's deadline passed.
	ReasonTimeout NewReason = "timeout"
	// ReasonIdleLimit: the transport's limit of idle connections, per host or
	// in all; or pool's limit of all connections, and this one fitted no request
	// that waited (another proxy's, say).
	ReasonIdleLimit NewReason = "idle_limit"
	// ReasonIdleTimeout: idle for longer than the transport allows, or the
	// server, by its Keep-Alive header or by what it has closed (see
	// pool.HostStats.ServerIdle); or pool let it go because the host has
	// needed fewer for a while.
	ReasonIdleTimeout NewReason = "idle_timeout"
	// ReasonMaxAge: older than pool.Options.MaxConnAge allows.
	ReasonMaxAge NewReason = "max_age"
	// ReasonMaxRequests: it has served pool.Options.MaxConnRequests.
	ReasonMaxRequests NewReason = "max_requests"
	// ReasonGoAway: the server ended the HTTP/2 connection.
	ReasonGoAway NewReason = "goaway"
	// ReasonProtocolError: the server sent on an idle connection what no request had asked
	// for.
	ReasonProtocolError NewReason = "protocol_error"
	// ReasonServerClosedIdle: the server closed a connection that lay idle.
	ReasonServerClosedIdle NewReason = "server_closed_idle"
	// ReasonServerClose: the response said Connection: close, was HTTP/1.0, or
	// its body ended with the connection.
	ReasonServerClose NewReason = "server_close"
	// ReasonClientClose: the culprit's request said so, by Request.Close or
	// its header.
	ReasonClientClose NewReason = "client_close"
	// ReasonKeepAlivesDisabled: the transport keeps no connection, by
	// DisableKeepAlives or a negative MaxIdleConnsPerHost.
	ReasonKeepAlivesDisabled NewReason = "keepalives_disabled"
	// ReasonClosedIdle: the program called CloseIdleConnections.
	ReasonClosedIdle NewReason = "closed_idle"
	// ReasonEarlyResponse: the culprit's response was complete before its
	// request was written.
	ReasonEarlyResponse NewReason = "early_response"
	// ReasonConnError: the connection broke under the culprit.
	ReasonConnError NewReason = "conn_error"
	// ReasonUpgraded: the culprit's connection went on in another protocol.
	ReasonUpgraded NewReason = "upgraded"
	// ReasonDead: the path to the server had died without a word. The HTTP/2 connection
	// answered no ping (see http.HTTP2Config); or a request on this connection, or on
	// another of its host, timed out, and the server's kernel had not even acknowledged
	// it; or that can't be seen, and it was the second in a row to get no byte of an answer.
	// No request is to blame.
	ReasonDead NewReason = "dead"
	// ReasonAddressGone: the host's name no longer has the address that the connection
	// went to. See pool.Options.Resolve.
	ReasonAddressGone NewReason = "address_gone"
	// ReasonUnknown: the signs do not settle it.
	ReasonUnknown NewReason = "unknown"
)
