package stack

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/warmconn/warmconn/internal/errclass"
	"github.com/warmconn/warmconn/internal/header"
	"github.com/warmconn/warmconn/internal/ledger"
	"github.com/warmconn/warmconn/internal/loss"
)

// finish ends the exchange, once: the connection's books first, then slots,
// spans and observers.
func (x *Exchange) finish(out Outcome, err error, d *Drain) {
	b := &x.body
	b.mu.Lock()
	got, first := x.endLocked()
	b.mu.Unlock()
	if first {
		x.conclude(out, err, got, d)
	}
}

// conclude is finish for who has called end.
func (x *Exchange) conclude(out Outcome, err error, got received, d *Drain) {
	if got.took > 0 && x.down.sent {
		x.conn.Read(got.onWire, got.took)
	}
	wrote := x.settle(out, err, got, d)
	for _, i := range x.pipe.order {
		if i < x.layers.n {
			x.pipe.layers[i].End(x, x.layers.state(int(i)))
		}
	}
	x.release(out, wrote)
}

func (x *Exchange) ended() bool {
	x.body.mu.Lock()
	defer x.body.mu.Unlock()
	return x.body.phase.over()
}

// settle closes the books on the connection and fixes the facts. It reports
// whether the request was written; if not, the end of that ends the context, or see
// letGoAtLast.
func (x *Exchange) settle(out Outcome, err error, got received, d *Drain) (wrote bool) {
	took := x.elapsed()
	now := x.facts.Start.Add(took)
	why := x.interrupted(err, now)
	above := x.closedAbove()
	x.mu.Lock()
	// A cancel may come in the same moment as the end of the body, and over TLS
	// a cancelled read of a chunked body can look like it. Net/http does not
	// return the connection then, though nothing else speaks against it.
	// In one piece: on Go 1.27 the connection may come back at any moment.
	had := x.down.sent && x.facts.ConnID != 0
	put, refused := false, ledger.None
	if had {
		put, refused = x.conn.Returned()
	}
	late := false
	if had && !put && why != ledger.None && (out == OutcomeEOF || out == OutcomeDrained) {
		c := x.causeLocked(out, nil, refused, ledger.None)
		late = c == ledger.Unknown || c == ledger.ConnError
	}
	switch {
	case why == ledger.None:
	case out == OutcomeFailed, out == OutcomeCanceled, late:
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
	if put {
		f.Returned = true
	} else if had {
		f.LostReason = x.causeLocked(out, err, refused, why)
	}
	learned := x.learnEndLocked() || x.facts.hedged
	cause := f.LostReason
	if cause == ledger.Draining { // learned
		cause = ledger.BodyUnread
	}
	provisional := cause == ledger.BodyUnread && (out == OutcomeClosed || d != nil && d.left) && x.drainsBehindLocked()
	wrote = x.surelyWrittenLocked()
	x.mu.Unlock()
	if !x.down.sent {
		return wrote
	}
	cause = x.conn.End(cause, provisional, now)
	if x.owned() {
		if had {
			x.settleOwned(cause, provisional)
		}
		return wrote
	}
	if learned || !had || put {
		return wrote // the ledger below knows more than this one, or nobody does, or there is no more
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	put, _ = x.conn.Returned()
	switch {
	case put: // only now
		f.Returned, f.LostReason = true, ledger.None
	case provisional && cause == ledger.BodyUnread:
		f.LostReason = ledger.Draining // it may come back yet
	default:
		f.LostReason = cause
	}
	return wrote
}

// drainsBehindLocked reports whether net/http drains the body by itself, in the
// background, now that it was closed: not one that it knows to be too long, nor if a Read
// of it had to be broken.
func (x *Exchange) drainsBehindLocked() bool {
	return nativeDrain && x.down.sent && x.wire.length <= maxPostCloseReadBytes && !x.canceled()
}

// interrupted says whether the caller has ended the exchange, by its context or
// Request.Cancel (http.Client's Timeout uses both): Canceled, Timeout or
// nothing. A cancel with a cause shows as that cause, so the context itself is
// asked, not only the error.
func (x *Exchange) interrupted(err error, now time.Time) ledger.Reason {
	if x.down.detached || x.down.detachable != nil && x.down.detachable.detached {
		return ledger.None // what the caller does now is no affair of ours
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
	if x.down.sent {
		return x.down.req.Cancel //lint:ignore SA1019 see above
	}
	return x.request.orig.Cancel //lint:ignore SA1019 see above
}

// causeLocked says why the connection of an exchange that has ended does not go back,
// empty if it goes on. Refused is what net/http said when it was put back, if it was.
func (x *Exchange) causeLocked(out Outcome, err error, refused, interrupted ledger.Reason) ledger.Reason {
	switch {
	case refused != ledger.None && refused != ledger.ConnError:
		return refused
	case x.facts.Status == http.StatusSwitchingProtocols:
		return ledger.Upgraded
	case x.wire.major >= 2 || x.facts.shared:
		return x.streamCauseLocked(out, err)
	case x.pipe.ledger.KeepAlivesOff(false):
		return ledger.KeepAlivesOff
	case x.wire.reqCloses || x.request.close:
		return ledger.ClientClose
	case x.wire.respCloses:
		return ledger.ServerClose
	case out == OutcomeCanceled:
		return interrupted
	case is(err, context.DeadlineExceeded):
		return ledger.Timeout
	}
	switch out {
	case OutcomeLeaked:
		return ledger.BodyLeaked
	case OutcomeSkipped, OutcomeGaveUp, OutcomeTimedOut, OutcomeClosed:
		return ledger.BodyUnread
	case OutcomeEOF, OutcomeDrained, OutcomeNone:
		switch {
		case !x.wire.wrote:
			return ledger.EarlyResponse
		case interrupted != ledger.None:
			return interrupted
		case refused != ledger.None:
			return refused
		}
		return ledger.Unknown
	}
	return brokenFor(err)
}

// streamCauseLocked is cause over HTTP/2, where few things that become of an exchange
// cost the connection that it shares with others.
func (x *Exchange) streamCauseLocked(out Outcome, err error) ledger.Reason {
	switch {
	case x.pipe.ledger.KeepAlivesOff(true):
		return ledger.KeepAlivesOff
	case x.wire.major >= 2 && (x.wire.reqCloses || x.request.close):
		return ledger.ClientClose
	case out == OutcomeFailed:
		return brokenFor(err) // if it broke, and not the stream alone
	}
	return ledger.None
}

// brokenFor is why a connection broke under an exchange, by its error: a connection
// that the server closed as it lay idle, or an HTTP/2 one that answered no ping, is
// nobody's fault.
func brokenFor(err error) ledger.Reason {
	switch class := errclass.Of(err); class {
	case "server_closed_idle":
		return ledger.ServerClosedIdle
	case "conn_lost":
		return loss.Dead
	}
	return ledger.ConnError
}

// is is errors.Is for the error of somebody's base, perhaps a nil pointer that can't
// be asked: the exchange must end all the same.
func is(err, target error) bool {
	defer func() { _ = recover() }()
	return errors.Is(err, target)
}

// putReason reads PutIdleConn's error. The errors are not exported; their
// texts have not changed since Go 1.7. ConnError only says that the connection
// was closed: by the server, or by a cancel in the same moment.
func putReason(err error) ledger.Reason {
	if err == nil {
		return ledger.None
	}
	switch err.Error() {
	case "http: putIdleConn: too many idle connections for host", "http: putIdleConn: too many idle connections":
		return ledger.IdleLimit
	case "http: putIdleConn: CloseIdleConnections was called":
		return ledger.ClosedIdle
	case "http: putIdleConn: connection is in bad state":
		return ledger.ConnError
	}
	return ledger.Unknown
}

// saysClose reports whether a request asks for the end of its connection.
func saysClose(req *http.Request) bool {
	return req.Close || header.HasToken(req.Header["Connection"], "close")
}

// release cancels the derived context: now, or once the request is written if
// the response came to its end before that. A 101's connection may live with
// its context where the base is not net/http's.
func (x *Exchange) release(out Outcome, wrote bool) {
	if x.owned() {
		return // net/http has the caller's own context, and is done with it
	}
	now := wrote
	switch out {
	case OutcomeNone, OutcomeEOF, OutcomeDrained:
		if x.request.ctx.Done() == nil {
			return // it hangs on nothing, and nobody uses it
		}
		if !wrote && x.down.sent && !x.pipe.overNetHTTP {
			x.detachAtLast()
		}
	case OutcomeUpgraded:
		now = x.pipe.overNetHTTP
	case OutcomeLeaked:
		now = x.pipe.overNetHTTP // else a stack further down gets time for it: see reap
	default:
		now = true
	}
	if now && x.down.sent {
		x.cancel()
	}
}
