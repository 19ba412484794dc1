package stack

import (
	"runtime"
	"time"
)

// The context that went down must not be cancelled while the request is still being written:
// the response may come to its end before that. Net/http's hooks tell when it is written, also
// from below foreign middleware. A body of the kit's own in the place of the request's could
// tell, too, but would hide the methods of the caller's body from that middleware, and from
// net/http.
//
// Where no hook is called (over a stub, or another kind of RoundTripper) it is not known
// whether the request is written. It counts as written for a drain. And its context is not
// cancelled as long as some code has it.

// wire are the facts of the connection that hooks and the response have told. Exchange.mu
// guards it. It has values of the response, and not the response itself: that of foreign
// middleware may hold a Body of a stack further down.
type wire struct {
	asked   time.Duration // from the start to the first GetConn; 0: none came
	onWrote chan struct{} // made by a drain that waits for wrote
	length  int64         // the length of the response's body

	writes     int16 // writes that have begun and not ended, as far as hooks tell
	major      uint8 // the major version of the response's protocol
	respCloses bool  // the response says that the connection ends
	reqCloses  bool  // the request that was really sent says so
	hooked     bool  // GotConn came: WroteRequest will come, too
	wrote      bool  // the request was written, or has no body
}

// beginLocked notes that a connection was found for a request with a body, so that
// WroteRequest will come. Once is for net/http: it tries again only when it has ended the
// first write, or has never begun it. Else each attempt of a retrier or hedger has a write.
func (w *wire) beginLocked(once bool) {
	if w.writes++; once {
		w.writes = 1
	}
	w.wrote = false
}

// wroteLocked notes that a request was written, or that its write has failed. Last says that
// no other write goes on.
func (w *wire) wroteLocked() (last bool) {
	w.writes = max(w.writes-1, 0)
	if w.writes > 0 {
		return false
	}
	w.wrote = true
	if w.onWrote != nil {
		close(w.onWrote)
		w.onWrote = nil
	}
	return true
}

// writeBeginsLocked notes that a connection was found for a request with a body.
func (x *Exchange) writeBeginsLocked() { x.wire.beginLocked(x.pipe.overNetHTTP) }

// written notes that a request was written, or that its write has failed.
func (x *Exchange) written() {
	x.mu.Lock()
	release := x.wire.wroteLocked() && x.facts.Outcome != OutcomePending && !x.down.owned
	x.mu.Unlock()
	if release {
		x.cancel()
	}
}

// surelyWrittenLocked reports whether the request is certainly not being written any more.
func (x *Exchange) surelyWrittenLocked() bool {
	return x.wire.wrote && (!x.request.hasBody || x.pipe.overNetHTTP || x.wire.hooked)
}

func (x *Exchange) isWritten() bool {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.wire.wrote
}

// waitWritten waits until the request is written, but no longer than d. Most often it is
// written already, and the hook only a moment later than a fast response.
func (x *Exchange) waitWritten(d time.Duration) bool {
	x.mu.Lock()
	if x.wire.wrote {
		x.mu.Unlock()
		return true
	}
	written := make(chan struct{})
	x.wire.onWrote = written
	x.mu.Unlock()
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-written:
		return true
	case <-t.C:
		return false
	}
}

// detachAtLast cuts the context that went down off the caller's when no code has it any more.
// Until then a request may be under way of which no hook tells, and it must end with the
// caller's context. But the caller's context may live for long, and must not gather children
// that never end.
func (x *Exchange) detachAtLast() {
	x.mu.Lock()
	x.nest.inner = nil // its context leads here, and must be collected first
	x.mu.Unlock()
	if x.down.made.Or(atLast)&ctxMade != 0 {
		x.addDetach()
	}
}

// addDetach is called once, when the context is made and atLast is set. The clean-up cuts the
// context off, and does not cancel it: clean-ups run outside of a testing/synctest bubble,
// where a channel of the bubble must not be closed.
func (x *Exchange) addDetach() {
	if l, ok := x.down.ctx.Value(detachableKey{}).(*detachable); ok { // which does not lead to the exchange
		runtime.AddCleanup(x, (*detachable).detach, l)
	}
}
