package ledger

import (
	"time"

	"github.com/warmconn/warmconn/internal/loss"
)

// PutIdleConn notes what net/http's PutIdleConn said. Empty means that the connection is
// idle or was handed straight to somebody else, else why is what the error
// means. It may come after End.
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
	// Handed over already: the next user's GotConn may come first.
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

// Returned reports whether the connection went back, and what PutIdleConn refused
// it for otherwise; empty if it was not asked.
func (e *Entry) Returned() (put bool, why Reason) {
	e.host.mu.Lock()
	defer e.host.mu.Unlock()
	return e.phase == returned, e.refused
}

// Draining notes that the connection is drained after its body was closed, by the
// kit: one dial, and one only, is charged with that as long as it lasts.
func (e *Entry) Draining(now time.Time) {
	h := e.host
	h.mu.Lock()
	defer h.mu.Unlock()
	if c := e.conn; c != nil && c.user == e.id && c.loss == nil {
		h.loseLocked(c, &loss.Loss{At: now, Reason: BodyUnread, Culprit: e.culprit(), Provisional: true})
	}
}

// End ends the exchange, unless it was never entered. Cause says why the connection is
// lost, empty if it is not. Only the first End counts. That a connection may come back by itself says
// nothing here: that it does not would never show.
//
// End returns what the ledger knows better: empty if the connection went back
// or lives on, which over HTTP/2 it does as far as that shows; and whether it went back.
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

// endLocked takes the exchange, which has ended, off a connection that did not go back.
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
		c.loss.Settle(cause, now) // it was drained, in vain
	} else {
		h.loseLocked(c, e.costs(cause, now))
	}
	if cause == Upgraded {
		// The caller owns it now; it is no HTTP connection any more.
		h.moveLocked(c, gone)
		return cause
	}
	h.lostLocked(c)
	return cause
}

// endStreamLocked takes an exchange off an HTTP/2 connection, on which others go on
// whatever became of this one. That it failed does not say that the connection broke: it
// may have been the stream alone.
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

// goesAwayLocked notes that net/http gives c, over HTTP/2, to no request from now on, because
// of this exchange.
func (e *Entry) goesAwayLocked(c *Conn, cause Reason, now time.Time) {
	c.goingAway = true
	c.host.loseLocked(c, e.costs(cause, now))
}

// costs is the loss of a connection that the exchange has cost.
func (e *Entry) costs(cause Reason, now time.Time) *loss.Loss {
	l := &loss.Loss{At: now, Reason: cause}
	if cause.Blames() {
		l.Culprit = e.culprit()
	}
	return l
}
