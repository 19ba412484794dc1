package ledger

import (
	"time"

	"github.com/warmconn/warmconn/internal/loss"
)

// Put notes what net/http's PutIdleConn said. Empty means that the connection is
// idle or was handed straight to somebody else, else refused is what the error
// means. It may come after End.
func (u *Use) Put(refused Reason) {
	u.host.mu.Lock()
	c, ended := u.conn, u.ended
	u.put, u.refused = refused == "", refused
	u.host.mu.Unlock()
	if c == nil {
		return
	}
	h := c.host
	h.mu.Lock()
	defer h.mu.Unlock()
	if refused != "" {
		if ended && c.loss != nil && c.loss.Reason == BodyUnread && refused != ConnError && c.user == u.id {
			// Drained in the background, and refused.
			c.loss.Settle(refused, time.Now())
			h.tell(c)
		}
		return
	}
	// Handed over already: the next user's GotConn may come first.
	if c.user != u.id {
		return
	}
	if c.loss != nil {
		h.losses.Withdraw(c.loss)
		c.loss = nil
	}
	c.streams = 0
	if !c.watched && c.key == nil {
		h.become(c, gone) // it could not be told again
		return
	}
	h.become(c, idle)
}

// Uploads notes that the exchange's request is still being sent, n = 1, though it
// is about to end; or not any more, n = -1.
func (u *Use) Uploads(n int) {
	u.host.mu.Lock()
	u.host.uploads += n
	u.host.mu.Unlock()
}

// Returned reports whether the connection went back, and what PutIdleConn refused
// it for otherwise; empty if it was not asked.
func (u *Use) Returned() (put bool, refused Reason) {
	u.host.mu.Lock()
	defer u.host.mu.Unlock()
	return u.put, u.refused
}

// End closes the line. Cause says why the connection is lost, empty if it is
// not; provisional that it may come back by itself. Only the first End counts.
//
// End returns what the ledger knows better: empty if the connection went back
// or lives on, which over HTTP/2 it does unless it broke under the exchange.
func (u *Use) End(cause Reason, provisional bool, now time.Time) Reason {
	h := u.host
	h.mu.Lock()
	if u.ended {
		h.mu.Unlock()
		return cause
	}
	if !u.served {
		h.abandon(u)
	}
	u.settle()
	u.ended = true
	h.inflight--
	h.worth.Ended(now)
	if u.Exempt {
		h.exempt--
	}
	u.answered()
	h.wake()
	c, put := u.conn, u.put
	h.mu.Unlock()
	if c == nil {
		return cause
	}
	if put {
		return ""
	}

	h = c.host
	h.mu.Lock()
	defer h.mu.Unlock()
	defer h.tell(c)
	if c.shared && cause != Upgraded {
		return u.endStream(c, cause, now)
	}
	if cause == "" {
		if c.loss != nil && c.user == u.id {
			h.losses.Withdraw(c.loss) // it was drained
			c.loss = nil
		}
		h.leave(c) // it goes on
		return ""
	}
	if c.user != u.id {
		return cause
	}
	c.streams = 0
	if c.loss == nil {
		// That it fails shows only where somebody sees the close. Elsewhere the
		// cause is all that can be said.
		provisional = provisional && c.watched && c.state != gone && c.state != closing
		c.loss = &loss.Loss{At: now, Reason: cause, Provisional: provisional}
		if cause.Blames() {
			c.loss.Culprit = u.culprit()
		}
		h.losses.Add(c.loss)
	} else {
		c.loss.Settle(cause, now) // it was drained, in vain
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
// whatever became of this one. ConnError says that it failed: the connection
// broke under it if the peer has ended that, else it was the stream alone. The
// connection's host.mu is held.
func (u *Use) endStream(c *Conn, cause Reason, now time.Time) Reason {
	h := c.host
	c.failed = cause == ConnError
	if c.failed && !c.eof {
		cause = ""
	}
	if cause == "" {
		h.leave(c)
		return ""
	}
	switch {
	case c.loss == nil:
		h.doom(c, &loss.Loss{At: now, Reason: cause, Culprit: u.culprit()})
	case c.loss.Reason == Unknown, cause == ClientClose && c.loss.Reason == GoAway:
		// It was closed before the first of those that rode on it could tell;
		// and net/http closes it in the same place if a request had asked for
		// that.
		c.loss.Reason, c.loss.Culprit = cause, u.culprit()
	}
	h.leave(c)
	return cause
}
