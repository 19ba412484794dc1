package stack

import (
	"io"
	"net/http"
	"runtime"
	"time"
)

// Close implements io.Closer. It ends a Read that hangs. The second Close does
// nothing.
func (b *Body) Close() error {
	err := b.exchange.closeBody(b.orig)
	if b.sentinel.Load() != nil && b.exchange.ended() {
		b.unwatch()
	}
	runtime.KeepAlive(b)
	return err
}

// Net/http's Reads end at once when they are cancelled; they get plenty of time, for on some
// Gos a Close under a Read can deadlock: see closesUnderRead. A base that may ignore its
// context gets little.
const (
	readEndsNetHTTP = 50 * time.Millisecond
	readEndsOther   = time.Millisecond
)

// patience is how long Close waits for a Read that it has cancelled, before it closes the
// raw body under it.
func (x *Exchange) patience() time.Duration {
	if x.pipe.overNetHTTP {
		return readEndsNetHTTP
	}
	return readEndsOther
}

func (x *Exchange) closeBody(orig *http.Response) error {
	b := &x.body
	canceled := x.request.ctx.Err() != nil
	b.mu.Lock()
	if b.phase.closed() {
		b.mu.Unlock()
		return nil
	}
	ended := b.phase == bodyEnded
	b.canceled = canceled && !ended
	var wait chan struct{}
	switch {
	case ended:
		x.moveLocked(bodyClosed)
	case b.inRead && x.leavesReadLocked(orig):
		x.moveLocked(bodyLeft)
		got := b.receivedLocked()
		b.lastReadAt = time.Since(x.facts.Start)
		b.mu.Unlock()
		return x.leaveRead(orig.Body, got)
	default:
		x.moveLocked(bodyClosing)
		if b.inRead {
			wait = b.awaitReadLocked()
		}
	}
	b.mu.Unlock()

	if b.gunzip != nil {
		defer b.gunzip.close()
	}
	if ended {
		return orig.Body.Close()
	}
	if wait != nil {
		x.cancel()
		t := time.NewTimer(x.patience())
		select {
		case <-wait:
		case <-t.C:
		}
		t.Stop()
		defer x.finish(OutcomeClosed, nil, nil) // though Close panics
		return orig.Body.Close()
	}
	if x.down.owned && x.canceled() {
		// The end of the caller's context reaches net/http on another goroutine, and
		// Go 1.27 would drain in the meantime.
		x.cancel()
	}
	budget, ok := x.budget(orig, false)
	if !ok || x.closedAbove() {
		return x.closeRest(orig.Body, OutcomeClosed, nil, false)
	}
	if x.pipe.drainsInBackground && x.closeLater(orig, budget) {
		return nil
	}
	out, d, closed := x.drainWithin(budget, orig)
	return x.closeRest(orig.Body, out, d, closed)
}

// leavesReadLocked reports whether net/http is to handle a Close during a Read by itself:
// see leaveRead.
func (x *Exchange) leavesReadLocked(orig *http.Response) bool {
	return x.pipe.underRead && orig.ContentLength <= maxPostCloseReadBytes && x.hopeless(orig) == ""
}

// leaveRead closes the raw body under a Read. Net/http drains the body and lets the Read go
// on meanwhile. If the drain comes to the end of the body, so does the Read, and the
// connection is kept.
func (x *Exchange) leaveRead(raw io.Closer, got received) error {
	defer x.conclude(OutcomeClosed, nil, got, nil) // though Close panics
	return raw.Close()
}

// closeRest closes the raw body after a drain, unless the drain did, and ends
// the exchange, also if that Close panics.
func (x *Exchange) closeRest(raw io.Closer, out Outcome, d *Drain, closed bool) (err error) {
	defer x.finish(out, nil, d)
	if out != OutcomeDrained && out != OutcomeClosed && !(d != nil && d.left) {
		// net/http's own drain (Go 1.27) must not go on behind our back.
		x.cancel()
	}
	if !closed {
		err = raw.Close()
	}
	return err
}

// quiet is a raw body that is closed on a goroutine of the kit's: no caller is there to
// recover a panic, which would end the program.
type quiet struct{ io.Closer }

func (q quiet) Close() (err error) {
	defer func() {
		if recover() != nil {
			err = errBodyPanicked
		}
	}()
	return q.Closer.Close()
}
