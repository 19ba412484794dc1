package ledger

import (
	"time"

	"github.com/warmconn/warmconn/internal/loss"
)

// giveUp takes a connection back from an exchange that net/http sends over
// another one. Over HTTP/1 it does so when a reused connection turns out dead:
// the server had closed it. h.mu is held.
func (c *Conn) giveUp(u *Use, now time.Time) {
	h := c.host
	if c.shared {
		h.leave(c)
		return
	}
	if c.user != u.id || c.loss != nil {
		return
	}
	if c.uses > 1 || c.foreign || c.stray != nil {
		reason := ServerClosedIdle
		if u.Apart {
			reason = Unknown // a retrier's attempt, perhaps
		}
		h.lose(c, &loss.Loss{At: now, Reason: reason})
	}
	// Net/http gives no new connection up: it was somebody else's, with our
	// hooks in its context, and nobody tells what became of it.
	h.release(c)
}

// leave takes one exchange off a connection that goes on. h.mu is held.
func (h *Host) leave(c *Conn) {
	if c.streams > 0 {
		c.streams--
	}
	switch {
	case c.streams > 0 || c.state != active:
	case c.goingAway:
		h.release(c)
	default:
		h.rest(c)
	}
}

// rest is for a connection that went back. h.mu is held.
func (h *Host) rest(c *Conn) {
	if c.key == nil {
		h.become(c, gone) // it could not be told again
		return
	}
	h.become(c, idle)
}

// release is the end of a lost connection: it is believed to be gone. h.mu is held.
func (h *Host) release(c *Conn) {
	h.become(c, gone)
	if c.key != nil {
		delete(h.conns, c.key)
	}
}
