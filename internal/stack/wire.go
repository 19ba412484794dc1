package stack

import (
	"runtime"
	"time"
)

// The context that went down must not be cancelled while the request is still
// written: the response may have come to its end before that. Net/http's hooks tell
// of it, also from below foreign middleware. The request's body does not: one
// of our own in its place would hide from that middleware, and from net/http, what
// the caller's can do.
//
// Where no hook is called (a stub, a RoundTripper of another kind) it is not known. Such
// a request counts as written for a drain, and nothing of it is cancelled as long as
// somebody has its context.

// wire is what hooks and the response have told of the connection. Exchange.mu guards
// it. Of the response it has values, for a response of foreign middleware may hold a
// Body of a stack further down.
type wire struct {
	asked   time.Duration // from the start to the first GetConn; 0: none came
	onWrote chan struct{} // made by a drain that waits for wrote
	length  int64         // of the response's body

	writes     int16 // that have begun and not ended, as far as hooks tell
	major      uint8 // of the response's protocol
	respCloses bool  // the response says that the connection ends
	reqCloses  bool  // the request that was really sent said so
	hooked     bool  // GotConn came: WroteRequest will, too
	wrote      bool  // the request was written, or has no body
}

// beginLocked notes that a connection was found for a request with a body, so that
// WroteRequest will come: once over net/http, which tries again only when it has ended
// the first write, or never began it, and else for each attempt of a retrier or hedger.
func (w *wire) beginLocked(once bool) {
	if w.writes++; once {
		w.writes = 1
	}
	w.wrote = false
}

// wroteLocked notes that a request was written, or will not be any more. Last says that
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

// written notes that a request was written, or will not be any more.
func (x *Exchange) written() {
	x.mu.Lock()
	release := x.wire.wroteLocked() && x.facts.Outcome != OutcomePending && !x.down.owned
	x.mu.Unlock()
	if release {
		x.cancel()
	}
}

// surelyWrittenLocked reports whether nothing of the request can be under way.
func (x *Exchange) surelyWrittenLocked() bool {
	return x.wire.wrote && (!x.request.hasBody || x.pipe.overNetHTTP || x.wire.hooked)
}

func (x *Exchange) isWritten() bool {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.wire.wrote
}

// waitWritten waits until the request is written, but no longer than d. Most
// often it is: the hook may only be a moment later than a fast response.
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

// detachAtLast unties the context that went down from the caller's when no code has it
// any more. Until then a request may be written that no hook tells of, and heeds the
// caller's end; but that may live for long, and must not collect what is never ended.
func (x *Exchange) detachAtLast() {
	x.mu.Lock()
	x.nest.inner = nil // whose context leads here, and must go first
	x.mu.Unlock()
	if x.down.made.Or(atLast)&ctxMade != 0 {
		x.addDetach()
	}
}

// addDetach is called once, when the context is made and atLast is set. It is not
// cancelled: the runtime's clean-ups run outside of a testing/synctest bubble, where
// a channel of the bubble must not be closed.
func (x *Exchange) addDetach() {
	if l, ok := x.down.ctx.Value(detachableKey{}).(*detachable); ok { // which does not lead to the exchange
		runtime.AddCleanup(x, (*detachable).detach, l)
	}
}
