package stack

import (
	"runtime"
	"time"
)

// The context that went down must not be cancelled while the request is still
// written: the response may have come to its end before that. Net/http's hooks tell
// of it, also from below somebody else's middleware. The request's body does not: one
// of our own in its place would hide from that middleware, and from net/http, what
// the caller's can do.
//
// Where no hook is called (a stub, a RoundTripper of another kind) nobody knows. Such
// a request counts as written for a drain, and nothing of it is cancelled as long as
// somebody has its context.

// writeBeginsLocked notes that a connection was found, so that WroteRequest will come.
func (x *Exchange) writeBeginsLocked() {
	switch {
	case !x.hasBody:
		return
	case x.pipe.overNetHTTP:
		x.writes = 1 // net/http tries again when it has ended the first write, or never began it
	default:
		x.writes++ // of retriers and hedgers, each attempt
	}
	x.wrote = false
}

// written notes that a request was written, or will not be any more.
func (x *Exchange) written() {
	x.mu.Lock()
	x.writes = max(x.writes-1, 0)
	if x.writes > 0 {
		x.mu.Unlock()
		return
	}
	x.wrote = true
	if x.onWrote != nil {
		close(x.onWrote)
		x.onWrote = nil
	}
	over := x.over
	x.mu.Unlock()
	if over && !x.owned() {
		x.cancel()
	}
}

// surelyWrittenLocked reports whether nothing of the request can be under way.
func (x *Exchange) surelyWrittenLocked() bool {
	return x.wrote && (!x.hasBody || x.pipe.overNetHTTP || x.hooked)
}

func (x *Exchange) isWritten() bool {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.wrote
}

// waitWritten waits until the request is written, but no longer than d. Most
// often it is: the hook may only be a moment later than a fast response.
func (x *Exchange) waitWritten(d time.Duration) bool {
	x.mu.Lock()
	if x.wrote {
		x.mu.Unlock()
		return true
	}
	written := make(chan struct{})
	x.onWrote = written
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

// detachAtLast unties the context that went down from the caller's when nobody has it
// any more. Until then a request may be written that nobody tells of, and heeds the
// caller's end; but that may live for long, and must not collect what is never ended.
func (x *Exchange) detachAtLast() {
	x.mu.Lock()
	x.inner = nil // whose context leads here, and must go first
	x.mu.Unlock()
	if x.made.Or(atLast)&ctxMade != 0 {
		x.addDetach()
	}
}

// addDetach is called once, when the context is made and atLast is set. It is not
// cancelled: the runtime's clean-ups run outside of a testing/synctest bubble, where
// a channel of the bubble must not be closed.
func (x *Exchange) addDetach() {
	if l, ok := x.ctx.Value(detachableKey{}).(*detachable); ok { // which does not lead to the exchange
		runtime.AddCleanup(x, (*detachable).detach, l)
	}
}
