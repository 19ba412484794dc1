package ledger

import (
	"time"

	"github.com/warmconn/warmconn/internal/loss"
)

// takeBackLocked takes c back from the exchange u, which net/http sends over another
// connection. Over HTTP/1 it does so when a reused connection turns out dead: the server
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
	// Net/http gives no new connection up. A new one here belonged to another request,
	// with this one's hooks in its context, and no hook tells its end.
	h.lostLocked(c)
}

// detachLocked takes one exchange off a connection that stays open.
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

// restLocked notes that a connection was put back.
func (h *Host) restLocked(c *Conn) {
	if c.key == nil {
		h.moveLocked(c, gone) // its next use could not be recognized
		return
	}
	h.moveLocked(c, idle)
}

// lostLocked is the end of a lost connection: no hook tells of its close, so it counts as
// gone now.
func (h *Host) lostLocked(c *Conn) {
	h.moveLocked(c, gone)
	if c.key != nil {
		delete(h.conns, c.key)
	}
}
