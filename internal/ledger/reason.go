package ledger

import "github.com/warmconn/warmconn/internal/loss"

// The words of package loss, so that the ledger's users need not import it.
type (
	Reason  = loss.Reason
	Culprit = loss.Culprit
	Span    = loss.Span
)

const (
	None             = loss.None
	First            = loss.First
	AllBusy          = loss.AllBusy
	Draining         = loss.Draining
	BodyUnread       = loss.BodyUnread
	BodyLeaked       = loss.BodyLeaked
	Canceled         = loss.Canceled
	Timeout          = loss.Timeout
	IdleLimit        = loss.IdleLimit
	IdleTimeout      = loss.IdleTimeout
	MaxAge           = loss.MaxAge
	MaxRequests      = loss.MaxRequests
	GoAway           = loss.GoAway
	ProtocolError    = loss.ProtocolError
	ServerClosedIdle = loss.ServerClosedIdle
	ServerClose      = loss.ServerClose
	ClientClose      = loss.ClientClose
	KeepAlivesOff    = loss.KeepAlivesOff
	ClosedIdle       = loss.ClosedIdle
	EarlyResponse    = loss.EarlyResponse
	ConnError        = loss.ConnError
	Upgraded         = loss.Upgraded
	Unknown          = loss.Unknown
	Unused           = loss.Unused
)
