package stack

import (
	"context"
	"time"

	"github.com/warmconn/warmconn/internal/connpool"
	"github.com/warmconn/warmconn/internal/ledger"
	"github.com/warmconn/warmconn/internal/loss"
	"github.com/warmconn/warmconn/internal/worth"
)

// connBook is an exchange's entry in the books on its connection: a connpool.Entry where the
// kit owns the connection, and else a ledger.Entry, which knows as much as httptrace's hooks
// and the body tell.
type connBook interface {
	// Returned reports whether the connection can be used again; if not, refused is the
	// reason for which PutIdleConn refused it, if that is known.
	Returned() (yes bool, refused loss.Reason)
	// End ends the exchange, once; it does nothing if the exchange was never entered. Cause
	// is why the connection is lost, as far as the exchange can say. Lost is the reason in
	// the books, and returned whether the connection went back.
	End(cause loss.Reason, provisional bool, now time.Time) (lost loss.Reason, returned bool)
	// Worth, Read, Drained and NotDrained are for the host's estimates of what a drain is
	// worth.
	Worth(unknown bool) worth.Worth
	Read(bytes int64, took time.Duration)
	Drained(took, cost time.Duration, whole, unknown bool)
	NotDrained(remeasure, unknown bool)
	// Draining notes that the rest of the body is drained after its Close.
	Draining(now time.Time)
	// SetSpan says which span stands for the making of the connection.
	SetSpan(s ledger.Span)
}

// owner is an Exchange in its role as a connpool.Owner.
type owner Exchange

// Culprit implements connpool.Owner.
func (o *owner) Culprit() loss.Culprit { return (*Exchange)(o).Culprit() }

// DialContext implements connpool.Owner.
func (o *owner) DialContext() context.Context {
	r := (*Exchange)(o)
	return dialCtx{r.request.ctx, r}
}

// Interrupted implements connpool.Owner.
func (o *owner) Interrupted() loss.Reason {
	r := (*Exchange)(o)
	return r.interrupted(nil, time.Now())
}

// Whole implements connpool.Owner.
func (o *owner) Whole() bool {
	r := (*Exchange)(o)
	r.mu.Lock()
	defer r.mu.Unlock()
	switch r.facts.Outcome {
	case OutcomeNone, OutcomeEOF, OutcomeDrained:
		return true
	}
	return false
}

// Acquired implements connpool.Owner.
func (o *owner) Acquired(g connpool.Got) {
	r := (*Exchange)(o)
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.facts.Outcome != OutcomePending {
		return
	}
	f := &r.facts
	f.LimitWait += g.Limited
	if g.ConnID == 0 {
		return // it waited, and was given no connection
	}
	r.wire.hooked, f.shared = true, g.HTTP2
	f.ConnID, f.ConnUses, f.ConnAge = g.ConnID, g.Uses, g.Age
	f.Reused, f.WasIdle, f.IdleTime = g.Reused, g.WasIdle, g.IdleTime
	f.Held, f.ConnSpan, f.ConnWait = g.Held, g.Span, g.Wait
	if r.pipe.drains && r.request.hasBody {
		r.writeBeginsLocked()
	}
	f.New = nil
	if !g.Reused {
		f.New = &NewConn{Reason: g.Reason, Culprit: g.Culprit, Setup: g.Setup, OwnDial: g.Own, DialedBy: g.DialedBy, Dialed: g.Dialed}
	}
}
