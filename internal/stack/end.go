package stack

import (
	"context"
	"errors"
	"time"

	"github.com/warmconn/warmconn/internal/ledger"
)

// The one way out of an exchange, from top to bottom.

// refuse ends an exchange that a layer refuses.
func (x *Exchange) refuse(err error) error {
	// Deferred, for a request body's Close may panic, and the layers above must have their
	// Ends: they hold a slot, say.
	defer x.finish(OutcomeRefused, err, nil)
	if x.nest.outer != nil {
		x.publish()
	}
	if body := x.request.orig.Body; body != nil {
		body.Close()
	}
	return err
}

// fail ends an exchange that has no response.
func (x *Exchange) fail(err error) {
	if err == nil {
		err = errNoResponse
	}
	x.finish(OutcomeFailed, err, nil)
}

// finish ends the exchange, unless it has ended.
func (x *Exchange) finish(out Outcome, err error, d *Drain) {
	x.body.mu.Lock()
	got, first := x.endLocked()
	x.body.mu.Unlock()
	if first {
		x.conclude(out, err, got, d)
	}
}

// conclude is finish for the caller of endLocked: the connection's books are closed; then
// slots are given back, spans end and observers are told; then the context that went down is
// cancelled.
func (x *Exchange) conclude(out Outcome, err error, got received, d *Drain) {
	if got.took > 0 {
		x.conn.Read(got.onWire, got.took)
	}
	wrote := x.closeBooks(out, err, got, d)
	x.endLayers()
	if !x.down.owned { // else net/http has the caller's own context, and is done with it
		x.cancelDerived(out, wrote)
	}
}

// closeBooks closes the books on the connection and fixes the facts. It reports whether the
// request was written. If it was not, the context that went down ends when it is: see
// written, and detachAtLast.
func (x *Exchange) closeBooks(out Outcome, err error, got received, d *Drain) (wrote bool) {
	took := time.Since(x.facts.Start)
	now := x.facts.Start.Add(took)
	why := x.interrupted(err, now)
	above := why != ledger.None && x.closedAbove()
	x.mu.Lock()
	// Under one lock: on Go 1.27 the connection may come back at any moment.
	had := x.facts.ConnID != 0
	returned, refused := false, ledger.None
	if had {
		returned, refused = x.conn.Returned()
	}
	if why != ledger.None && x.endedByCallerLocked(out, had && !returned, refused) {
		out = OutcomeCanceled
		if above {
			out, err = OutcomeClosed, nil
		}
	}
	f := &x.facts
	f.Outcome, f.BytesRead, f.LastRead, f.Drain, f.Err = out, got.bytes, got.last, d, err
	f.Duration = took
	f.Leaked = out == OutcomeLeaked
	f.TimedOut = out == OutcomeCanceled && why == ledger.Timeout
	if f.Returned = returned; had && !returned {
		f.LostReason = x.causeLocked(out, err, refused, why)
	}
	learned := x.nest.inner != nil && (x.learnEndLocked() || f.hedged)
	cause := f.LostReason
	if cause == ledger.Draining { // it was learned from an inner exchange
		cause = ledger.BodyUnread
	}
	provisional := cause == ledger.BodyUnread && (out == OutcomeClosed || d != nil && d.left) && x.drainsBehindLocked()
	wrote = x.down.owned || x.surelyWrittenLocked()
	x.mu.Unlock()
	cause, back := x.conn.End(cause, provisional, now)
	// The books' word is written down if the kit owns the connection. If it does not, the
	// inner exchange knows better, if the end was learned from one; and for a connection
	// that went back the facts are complete.
	if had && (x.down.owned || !learned && !returned) {
		x.setLost(cause, provisional, back)
	}
	return wrote
}

// interrupted says whether the caller has ended the exchange, by its context or by
// Request.Cancel (http.Client's Timeout uses both): Canceled, Timeout, or None. The error of a
// context that was cancelled with a cause is that cause, so the context itself is asked, and
// not only the error.
func (x *Exchange) interrupted(err error, now time.Time) ledger.Reason {
	if x.down.detached || x.down.detachable != nil && x.down.detachable.detached {
		return ledger.None // the exchange goes on without the caller
	}
	ctx := x.request.ctx
	e := ctx.Err()
	if stop := x.legacyCancel(); e == nil && stop != nil {
		select {
		case <-stop:
			e = context.Canceled
		default:
		}
	}
	if e == nil && (err == nil || !is(err, context.Canceled)) {
		return ledger.None
	}
	deadline, has := ctx.Deadline()
	if errors.Is(e, context.DeadlineExceeded) || e != nil && has && !now.Before(deadline) {
		return ledger.Timeout
	}
	return ledger.Canceled
}

// legacyCancel is Request.Cancel, which http.Client's Timeout closes.
func (x *Exchange) legacyCancel() <-chan struct{} {
	return x.down.req.Cancel //lint:ignore SA1019 http.Client's Timeout closes it
}

// endedByCallerLocked reports whether the end of the caller's context, which has come, has
// ended the exchange. It may have come in the same moment as the end of the body, and over TLS
// a cancelled read of a chunked body can look like that end. If it has ended the exchange,
// net/http does not put the connection back: it is lost though nothing else speaks against
// it.
func (x *Exchange) endedByCallerLocked(out Outcome, lost bool, refused ledger.Reason) bool {
	switch out {
	case OutcomeFailed, OutcomeCanceled:
		return true
	case OutcomeClosed:
		return x.body.canceled
	case OutcomeEOF, OutcomeDrained:
		if lost {
			c := x.causeLocked(out, nil, refused, ledger.None)
			return c == ledger.Unknown || c == ledger.ConnError
		}
	}
	return false
}

// drainsBehindLocked reports whether net/http drains the body by itself, in the background,
// after its Close: not if it knows the body to be too long, nor if a Read had to be broken
// off.
func (x *Exchange) drainsBehindLocked() bool {
	return nativeDrain && x.wire.length <= maxPostCloseReadBytes && !x.canceled()
}

// setLost writes down whether the connection went back, or why it is lost: cause is None if
// it is not.
func (x *Exchange) setLost(cause ledger.Reason, provisional, returned bool) {
	x.mu.Lock()
	defer x.mu.Unlock()
	f := &x.facts
	f.Returned = returned
	switch {
	case returned && !x.down.owned: // perhaps only now
		f.LostReason = ledger.None
	case provisional && cause == ledger.BodyUnread:
		f.LostReason = ledger.Draining // it may come back yet
	default:
		f.LostReason = cause
	}
}

// cancelDerived cancels the derived context: now, or once the request is written if
// the response came to its end before that. A 101's connection may live with
// its context where the base is not net/http's.
func (x *Exchange) cancelDerived(out Outcome, wrote bool) {
	now := wrote
	switch out {
	case OutcomeNone, OutcomeEOF, OutcomeDrained:
		if x.request.ctx.Done() == nil {
			return // the context has no parent that ends, and no code uses it any more
		}
		if !wrote && !x.pipe.overNetHTTP {
			x.detachAtLast()
		}
	case OutcomeUpgraded:
		now = x.pipe.overNetHTTP
	case OutcomeLeaked:
		now = x.pipe.overNetHTTP // else a stack further down gets time for it: see reap
	default:
		now = true
	}
	if now {
		x.cancel()
	}
}
