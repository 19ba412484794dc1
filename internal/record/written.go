package record

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

// writeBegins notes that a connection was found, so that WroteRequest will come. r.mu
// is held.
func (r *Record) writeBegins() {
	switch {
	case !r.hasBody:
		return
	case r.pipe.overNetHTTP:
		r.writes = 1 // net/http tries again when it has ended the first write, or never began it
	default:
		r.writes++ // of retriers and hedgers, each attempt
	}
	r.wrote = false
}

// written notes that a request was written, or will not be any more.
func (r *Record) written() {
	r.mu.Lock()
	r.writes = max(r.writes-1, 0)
	if r.writes > 0 {
		r.mu.Unlock()
		return
	}
	r.wrote = true
	if r.onWrote != nil {
		close(r.onWrote)
		r.onWrote = nil
	}
	over := r.over
	r.mu.Unlock()
	if over && !r.owned() {
		r.cancel()
	}
}

// surelyWritten reports whether nothing of the request can be under way. r.mu is held.
func (r *Record) surelyWritten() bool {
	return r.wrote && (!r.hasBody || r.pipe.overNetHTTP || r.hooked)
}

func (r *Record) isWritten() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.wrote
}

// waitWritten waits until the request is written, but no longer than d. Most
// often it is: the hook may only be a moment later than a fast response.
func (r *Record) waitWritten(d time.Duration) bool {
	r.mu.Lock()
	if r.wrote {
		r.mu.Unlock()
		return true
	}
	written := make(chan struct{})
	r.onWrote = written
	r.mu.Unlock()
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
func (r *Record) detachAtLast() {
	r.mu.Lock()
	r.inner = nil // whose context leads here, and must go first
	r.mu.Unlock()
	if r.made.Or(atLast)&ctxMade != 0 {
		r.addDetach()
	}
}

// addDetach is called once, when the context is made and atLast is set. It is not
// cancelled: the runtime's clean-ups run outside of a testing/synctest bubble, where
// a channel of the bubble must not be closed.
func (r *Record) addDetach() {
	if l, ok := r.ctx.Value(detachableKey{}).(*detachable); ok { // which does not lead to the record
		runtime.AddCleanup(r, (*detachable).detach, l)
	}
}
