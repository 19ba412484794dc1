package stack

import (
	"time"

	"github.com/warmconn/warmconn/internal/ledger"
)

// Facts are the facts of an exchange. Roundtripper.Exchange is the public form, and documents
// each field.
type Facts struct {
	Method   string // the request's, as the caller wrote it
	Status   int
	Proto    string
	Start    time.Time
	Duration time.Duration
	Answered time.Duration // from Start to the response; 0: none has come
	LastRead time.Duration // from Start to the end of the last Read of its body; 0: none

	ConnID     uint64
	ConnUses   int
	ConnAge    time.Duration
	Held       *ledger.NetConn // for its addresses; nil if there was none
	IdleTime   time.Duration
	New        *NewConn     // nil if the connection was reused, or there was none
	ConnSpan   *ledger.Span // see SetConnSpan
	LostReason ledger.Reason
	Outcome    Outcome // here, and not before Err: so an Exchange is smaller
	PoolWait   time.Duration
	ConnWait   time.Duration
	LimitWait  time.Duration // the part of ConnWait in which a limit forbade a dial, over all tries
	BytesRead  int64
	Drain      *Drain // nil if no layer thought of one
	Err        error

	Reused   bool
	WasIdle  bool
	Returned bool
	Leaked   bool
	TimedOut bool // canceled, by a deadline
	Foreign  bool // see Exchange.Foreign

	shared bool // HTTP/2
	hedged bool // two inner exchanges were in flight at once: which of them the hooks told of is not known
}

// NewConn are the facts of a connection that was new for its exchange. They do not change.
type NewConn struct {
	Reason   ledger.Reason
	Culprit  ledger.Culprit
	Setup    ledger.Setup
	OwnDial  bool
	DialedBy ledger.Culprit
	Dialed   time.Time // zero unless the kit owns the connection
}

// Drain is the result of a drain. It does not change.
type Drain struct {
	Bytes      int64 // on the wire
	Time       time.Duration
	Skipped    string        // why no drain was tried
	Cost       time.Duration // the estimated cost of a new connection
	Background bool          // it went on after Close had returned

	left bool // the rest was left to net/http's own drain
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
