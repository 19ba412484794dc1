package ledger

import (
	"time"

	"github.com/warmconn/warmconn/internal/loss"
)

// Put notes what net/http's PutIdleConn said. Empty means that the connection is
// idle or was handed straight to somebody else, else refused is what the error
// means. It may come after End.
func (u *Use) Put(refused Reason) {
	h := u.host
	h.mu.Lock()
	defer h.mu.Unlock()
	u.put, u.refused = refused == "", refused
	c := u.conn
	// Handed over already: the next user's GotConn may come first.
	if c == nil || c.user != u.id {
		return
	}
	if refused != "" {
		if u.ended && c.loss != nil && c.loss.Reason == BodyUnread && refused != ConnError {
			// Drained in the background, and refused.
			c.loss.Settle(refused, time.Now())
			h.tell(c)
		}
		return
	}
	h.found(c)
	c.streams = 0
	h.rest(c)
}

// Returned reports whether the connection went back, and what PutIdleConn refused
// it for otherwise; empty if it was not asked.
func (u *Use) Returned() (put bool, refused Reason) {
	u.host.mu.Lock()
	defer u.host.mu.Unlock()
	return u.put, u.refused
}

// Draining notes that the connection is drained after its body was closed, by the
// kit: one dial, and one only, is charged with that as long as it lasts.
func (u *Use) Draining(now time.Time) {
	h := u.host
	h.mu.Lock()
	defer h.mu.Unlock()
	if c := u.conn; c != nil && c.user == u.id && c.loss == nil {
		h.lose(c, &loss.Loss{At: now, Reason: BodyUnread, Culprit: u.culprit(), Provisional: true})
	}
}

// End closes the line. Cause says why the connection is lost, empty if it is
// not. Only the first End counts. That a connection may come back by itself says
// nothing here: that it does not would never show.
//
// End returns what the ledger knows better: empty if the connection went back
// or lives on, which over HTTP/2 it does as far as that shows.
func (u *Use) End(cause Reason, _ bool, now time.Time) Reason {
	h := u.host
	h.mu.Lock()
	defer h.mu.Unlock()
	if u.ended {
		return cause
	}
	u.ended = true
	h.inflight--
	h.worth.Ended(now)
	u.answered()
	c := u.conn
	switch {
	case c == nil:
		return cause
	case u.put:
		return ""
	case c.shared && cause != Upgraded:
		return u.endStream(c, cause, now)
	case cause == "":
		if c.user == u.id {
			h.found(c) // it was drained
		}
		h.leave(c) // it goes on
		return ""
	case c.user != u.id:
		return cause
	}
	c.streams = 0
	if c.loss != nil {
		c.loss.Settle(cause, now) // it was drained, in vain
	} else {
		h.lose(c, u.costs(cause, now))
	}
	if cause == Upgraded {
		// The caller owns it now; it is no HTTP connection any more.
		h.become(c, gone)
		return cause
	}
	h.release(c)
	return cause
}

// endStream takes an exchange off an HTTP/2 connection, on which others go on
// whatever became of this one. That it failed does not say that the connection
// broke: it may have been the stream alone. h.mu is held.
func (u *Use) endStream(c *Conn, cause Reason, now time.Time) Reason {
	if cause == ConnError {
		cause = ""
	}
	if cause != "" && c.loss == nil {
		u.endsWithStreams(c, cause, now)
	}
	c.host.leave(c)
	return cause
}

// endsWithStreams notes that net/http gives c, over HTTP/2, to nobody from now on,
// because of this exchange. h.mu is held.
func (u *Use) endsWithStreams(c *Conn, cause Reason, now time.Time) {
	c.goingAway = true
	c.host.lose(c, u.costs(cause, now))
}

// costs is the loss of a connection that the exchange has cost.
func (u *Use) costs(cause Reason, now time.Time) *loss.Loss {
	l := &loss.Loss{At: now, Reason: cause}
	if cause.Blames() {
		l.Culprit = u.culprit()
	}
	return l
}
