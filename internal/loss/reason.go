package loss

// Reason says why a connection was new, or why one was lost. It is the closed
// vocabulary of roundtripper.NewReason; readers must expect new words.
type Reason uint8

// The meaning of each is documented in roundtripper, where the words are public.
const (
	// None: the connection was not new, or is not lost.
	None Reason = iota
	First
	AllBusy
	Draining
	BodyUnread
	BodyLeaked
	Canceled
	Timeout
	IdleLimit
	IdleTimeout
	MaxAge
	MaxRequests
	GoAway
	ProtocolError
	ServerClosedIdle
	ServerClose
	ClientClose
	KeepAlivesOff
	ClosedIdle
	EarlyResponse
	ConnError
	Upgraded
	Dead
	AddressGone
	Unknown

	// Unused: the connection was lost, and no request ever had it.
	Unused

	Reasons // the number of reasons
)

// words are the public words of roundtripper.
var words = [Reasons]string{
	First:            "first",
	AllBusy:          "all_busy",
	Draining:         "draining",
	BodyUnread:       "body_unread",
	BodyLeaked:       "body_leaked",
	Canceled:         "canceled",
	Timeout:          "timeout",
	IdleLimit:        "idle_limit",
	IdleTimeout:      "idle_timeout",
	MaxAge:           "max_age",
	MaxRequests:      "max_requests",
	GoAway:           "goaway",
	ProtocolError:    "protocol_error",
	ServerClosedIdle: "server_closed_idle",
	ServerClose:      "server_close",
	ClientClose:      "client_close",
	KeepAlivesOff:    "keepalives_disabled",
	ClosedIdle:       "closed_idle",
	EarlyResponse:    "early_response",
	ConnError:        "conn_error",
	Upgraded:         "upgraded",
	Dead:             "dead",
	AddressGone:      "address_gone",
	Unknown:          "unknown",
	Unused:           "unused",
}

// String returns the word; empty for None.
func (r Reason) String() string { return words[r] }

// Blames reports whether the exchange that had the connection is the culprit. It is not if
// a limit of the pool, a call of CloseIdleConnections or a change of address has ended the
// connection: that would have hit any exchange.
func (r Reason) Blames() bool {
	switch r {
	case MaxAge, MaxRequests, ClosedIdle, KeepAlivesOff, ServerClosedIdle, Dead, AddressGone:
		return false
	}
	return true
}

// Span identifies a span. The zero value means that there is none.
type Span struct {
	TraceID [16]byte
	SpanID  [8]byte
	Flags   byte // OpenTelemetry's trace flags
}

// Culprit identifies the exchange that cost a connection. It is a copy of
// plain values: a loss must not keep a request alive. The zero value means that
// no exchange is to blame, or that no layer has identified it.
type Culprit struct {
	Span
	// Stack is the stack on which the request was made, if a layer has taken it. See
	// package callsite.
	Stack []uintptr
}
