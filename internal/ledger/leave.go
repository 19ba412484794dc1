package ledger

import (
	"time"

	"github.com/warmconn/warmconn/internal/loss"
)

// giveUp takes a connection back from an exchange that net/http sends over
// another one. Over HTTP/1 it does so when a reused connection turns out dead:
// the server had closed it.
func (c *Conn) giveUp(u *Use, now time.Time) {
	h := c.host
	h.mu.Lock()
	defer h.mu.Unlock()
	if c.shared {
		h.leave(c)
		return
	}
	if c.user != u.id || c.loss != nil {
		return
	}
	if c.uses > 1 || c.foreign || c.stray != nil {
		c.loss = &loss.Loss{At: now, Reason: ServerClosedIdle}
		if u.Apart {
			c.loss.Reason = Unknown // a retrier's attempt, perhaps
		}
		h.losses.Add(c.loss)
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
	if c.streams == 0 && c.eof && c.loss != nil && c.loss.Reason == Unknown {
		c.loss.Reason = ServerClosedIdle // nobody was the worse for it
		h.tell(c)
	}
	if c.streams > 0 || c.state != active {
		return
	}
	if c.doom != nil {
		h.release(c)
		return
	}
	if !c.watched && c.key == nil {
		h.become(c, gone) // it could not be told again
		return
	}
	h.become(c, idle)
}

// release is the end of a lost connection: a watched one reports its own close,
// an unwatched one is believed to be gone. h.mu is held.
func (h *Host) release(c *Conn) {
	if c.watched {
		h.become(c, closing)
		return
	}
	h.become(c, gone)
	if c.key != nil {
		delete(h.conns, c.key)
	}
}
