package loss

// Reason says why a connection was new, or why one was lost. It is the closed
// vocabulary of roundtripper.NewReason; readers must expect new words.
type Reason string

// The words. Their meaning is documented in roundtripper, where they are
// public.
const (
	First            Reason = "first"
	AllBusy          Reason = "all_busy"
	Draining         Reason = "draining"
	BodyUnread       Reason = "body_unread"
	BodyLeaked       Reason = "body_leaked"
	Canceled         Reason = "canceled"
	Timeout          Reason = "timeout"
	IdleLimit        Reason = "idle_limit"
	IdleTimeout      Reason = "idle_timeout"
	MaxAge           Reason = "max_age"
	MaxRequests      Reason = "max_requests"
	GoAway           Reason = "goaway"
	ProtocolError    Reason = "protocol_error"
	ServerClosedIdle Reason = "server_closed_idle"
	ServerClose      Reason = "server_close"
	ClientClose      Reason = "client_close"
	KeepAlivesOff    Reason = "keepalives_disabled"
	ClosedIdle       Reason = "closed_idle"
	EarlyResponse    Reason = "early_response"
	ConnError        Reason = "conn_error"
	Upgraded         Reason = "upgraded"
	Dead             Reason = "dead"
	Unknown          Reason = "unknown"

	// Unused is why a connection was lost that no request ever had.
	Unused Reason = "unused"
)

// Blames reports whether the exchange that had the connection has cost it. A
// limit of the pool's and a call of CloseIdleConnections hit whoever has it at the time.
func (r Reason) Blames() bool {
	switch r {
	case MaxAge, MaxRequests, ClosedIdle, KeepAlivesOff, ServerClosedIdle, Dead:
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
// no exchange is to blame, or that nobody said which.
type Culprit struct {
	Span
	// Stack is where the request was made, if a layer took it down. See
	// package callsite.
	Stack []uintptr
}
