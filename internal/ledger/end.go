package ledger

import (
	"time"

	"github.com/warmconn/warmconn/internal/loss"
)

// PutIdleConn is for httptrace's hook of that name. An empty why means that the connection
// is idle, or went straight to another request; otherwise why is the meaning of the
// hook's error. The hook may be called after End.
func (e *Entry) PutIdleConn(why Reason) {
	h := e.host
	h.mu.Lock()
	defer h.mu.Unlock()
	if why == None {
		e.moveLocked(returned)
	} else {
		e.moveLocked(refused)
		e.refused = why
	}
	c := e.conn
	// The next user's GotConn may have come first: then the connection is the next user's.
	if c == nil || c.user != e.id {
		return
	}
	if why != None {
		if e.ended && c.loss != nil && c.loss.Reason == BodyUnread && why != ConnError {
			// Drained in the background, and refused.
			c.loss.Settle(why, time.Now())
			h.countClosedLocked(c)
		}
		return
	}
	h.foundLocked(c)
	c.streams = 0
	h.restLocked(c)
}

// Returned reports whether the connection was put back. If PutIdleConn refused it, why is
// the reason; why is empty if PutIdleConn was not called.
func (e *Entry) Returned() (put bool, why Reason) {
	e.host.mu.Lock()
	defer e.host.mu.Unlock()
	return e.phase == returned, e.refused
}

// Draining notes that the caller has closed the body and the kit drains the connection. As
// long as the drain lasts, one dial at most is charged with it.
func (e *Entry) Draining(now time.Time) {
	h := e.host
	h.mu.Lock()
	defer h.mu.Unlock()
	if c := e.conn; c != nil && c.user == e.id && c.loss == nil {
		h.loseLocked(c, &loss.Loss{At: now, Reason: BodyUnread, Culprit: e.culprit(), Provisional: true})
	}
}

// End ends the exchange, if Begin has entered it. Cause says why the connection is lost, and
// is empty if it is not. Only the first End counts. The bool, by which an owner of
// connections hears that one may still come back by itself, is not used: if it did not come
// back, no hook would tell.
//
// End returns cause, corrected by what the hooks have told: empty if the connection was put
// back or lives on, which an HTTP/2 connection does unless there is a sign against it. Back
// reports whether it was put back.
func (e *Entry) End(cause Reason, _ bool, now time.Time) (lost Reason, back bool) {
	h := e.host
	if h == nil {
		return cause, false
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if e.ended {
		return cause, e.phase == returned
	}
	e.ended = true
	h.inFlight--
	h.worth.Ended(now)
	if e.phase == asking {
		e.moveLocked(begun)
	}
	if e.phase == returned {
		return None, true
	}
	return e.endLocked(cause, now), false
}

// endLocked takes the exchange, which has ended, off a connection that was not put back.
func (e *Entry) endLocked(cause Reason, now time.Time) Reason {
	h, c := e.host, e.conn
	switch {
	case c == nil:
		return cause
	case c.http2 && cause != Upgraded:
		return e.endStreamLocked(c, cause, now)
	case cause == None:
		if c.user == e.id {
			h.foundLocked(c) // it was drained
		}
		h.detachLocked(c) // it goes on
		return None
	case c.user != e.id:
		return cause
	}
	c.streams = 0
	if c.loss != nil {
		c.loss.Settle(cause, now) // the drain was in vain
	} else {
		h.loseLocked(c, e.costs(cause, now))
	}
	if cause == Upgraded {
		// The caller owns it now, and it speaks HTTP no more.
		h.moveLocked(c, gone)
		return cause
	}
	h.lostLocked(c)
	return cause
}

// endStreamLocked takes an exchange off an HTTP/2 connection. The other streams go on, and
// a failure of this exchange may have been its stream's alone: it does not show that the
// connection broke.
func (e *Entry) endStreamLocked(c *Conn, cause Reason, now time.Time) Reason {
	if cause == ConnError {
		cause = None
	}
	if cause != None && c.loss == nil {
		e.goesAwayLocked(c, cause, now)
	}
	c.host.detachLocked(c)
	return cause
}

// goesAwayLocked notes that, because of this exchange, net/http gives the HTTP/2 connection c
// to no more requests.
func (e *Entry) goesAwayLocked(c *Conn, cause Reason, now time.Time) {
	c.goingAway = true
	c.host.loseLocked(c, e.costs(cause, now))
}

// costs returns the loss of a connection that is lost because of the exchange.
func (e *Entry) costs(cause Reason, now time.Time) *loss.Loss {
	l := &loss.Loss{At: now, Reason: cause}
	if cause.Blames() {
		l.Culprit = e.culprit()
	}
	return l
}
