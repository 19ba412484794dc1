package stack

import (
	"time"

	"github.com/warmconn/warmconn/internal/ledger"
)

// Facts is what is known of an exchange. roundtripper.Exchange is its public
// face and documents each field.
type Facts struct {
	Method   string // the request's, as the caller wrote it
	Status   int
	Proto    string
	Start    time.Time
	Duration time.Duration
	Answered time.Duration // from Start to the response; 0: none has come
	LastRead time.Duration // and to the end of the last Read of its body; 0: none

	ConnID     uint64
	ConnUses   int
	ConnAge    time.Duration
	Held       *ledger.NetConn // for its addresses; nil if there was none
	IdleTime   time.Duration
	New        *NewConn     // nil if the connection was reused, or there was none
	ConnSpan   *ledger.Span // see SetConnSpan
	LostReason ledger.Reason
	Outcome    Outcome // here, and not before Err, for the sake of an Exchange's size
	PoolWait   time.Duration
	ConnWait   time.Duration
	LimitWait  time.Duration // the part of it in which a limit forbade a dial, over all tries
	BytesRead  int64
	Drain      *Drain // nil if no layer thought of one
	Err        error

	Reused   bool
	WasIdle  bool
	Returned bool
	Leaked   bool
	TimedOut bool // canceled, by a deadline

	shared bool // HTTP/2
	hedged bool // two inner exchanges were in flight at once: whose facts are whose?
}

// NewConn is what is known of a connection that was new to its exchange. It does not
// change.
type NewConn struct {
	Reason   ledger.Reason
	Culprit  ledger.Culprit
	Setup    ledger.Setup
	OwnDial  bool
	DialedBy ledger.Culprit
	Dialed   time.Time // zero unless the kit owns the connection
}

// Drain is what came of a drain. It does not change.
type Drain struct {
	Bytes      int64 // on the wire
	Time       time.Duration
	Skipped    string        // why none was tried
	Cost       time.Duration // what a new connection was reckoned at
	Background bool          // after Close had returned

	left bool // the rest is net/http's to drain
}

// Drained is Drain, or its zero value.
func (f *Facts) Drained() Drain {
	if f.Drain == nil {
		return Drain{}
	}
	return *f.Drain
}

// NewReason is why the connection was new; empty if it was not.
func (f *Facts) NewReason() ledger.Reason {
	if f.New == nil {
		return ledger.None
	}
	return f.New.Reason
}
