package ledger

import (
	"time"

	"github.com/warmconn/warmconn/internal/loss"
)

// takeBackLocked takes a connection back from an exchange that net/http sends over
// another one. Over HTTP/1 it does so when a reused connection turns out dead: the server
// had closed it.
func (c *Conn) takeBackLocked(u *Entry, now time.Time) {
	h := c.host
	if c.http2 {
		h.detachLocked(c)
		return
	}
	if c.user != u.id || c.loss != nil {
		return
	}
	if c.uses > 1 || c.predates || c.raceLoser != nil {
		reason := ServerClosedIdle
		if u.BehindMiddleware {
			reason = Unknown // a retrier's attempt, perhaps
		}
		h.loseLocked(c, &loss.Loss{At: now, Reason: reason})
	}
	// Net/http gives no new connection up: it was somebody else's, with our
	// hooks in its context, and no hook tells what became of it.
	h.lostLocked(c)
}

// detachLocked takes one exchange off a connection that goes on.
func (h *Host) detachLocked(c *Conn) {
	if c.streams > 0 {
		c.streams--
	}
	switch {
	case c.streams > 0 || c.state != active:
	case c.goingAway:
		h.lostLocked(c)
	default:
		h.restLocked(c)
	}
}

// restLocked is for a connection that went back.
func (h *Host) restLocked(c *Conn) {
	if c.key == nil {
		h.moveLocked(c, gone) // it could not be told again
		return
	}
	h.moveLocked(c, idle)
}

// lostLocked is the end of a lost connection: it is believed to be gone.
func (h *Host) lostLocked(c *Conn) {
	h.moveLocked(c, gone)
	if c.key != nil {
		delete(h.conns, c.key)
	}
}
