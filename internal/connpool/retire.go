package connpool

import (
	"time"

	"github.com/warmconn/warmconn/internal/loss"
)

// limits are the age and the number of uses at which c is retired, for the
// exchange e, which may be nil; 0: never.
func (c *Conn) limits(e *Entry) (age time.Duration, uses int) {
	o := &c.host.pool.opts
	age, uses = o.MaxAge, o.MaxUses
	if e == nil {
		return age, uses
	}
	if d := e.MaxAge; d > 0 && (age == 0 || d < age) {
		age = d
	}
	if n := int(e.MaxUses); n > 0 && (uses == 0 || n < uses) {
		uses = n
	}
	return age, uses
}

// dueReason says why c is to be retired before it is given to e; empty if it is not.
func (c *Conn) dueReason(e *Entry, now time.Time) loss.Reason {
	age, uses := c.limits(e)
	switch {
	case uses > 0 && c.uses >= uses:
		return loss.MaxRequests
	case c.older(age, now):
		return loss.MaxAge
	case c.movedLocked():
		return loss.AddressGone
	case c.state == idle && c.tooIdle(now):
		return loss.IdleTimeout
	}
	return loss.None
}

// dueLocked reports whether c, of HTTP/2, is not to be used any more because of
// its age or number of uses. A busy one is used until another has taken its place,
// so that no request waits for a dial.
func (c *Conn) dueLocked(e *Entry, now time.Time) bool {
	h, rt := c.host, c.route
	why := c.dueReason(e, now)
	if why == loss.None {
		return false
	}
	if c.streams == 0 {
		c.retireQuietLocked(why, now)
		return true
	}
	yes, coming := c.succeededLocked(e, now)
	if yes {
		c.goAwayLocked(why, loss.Culprit{}, now)
		return true
	}
	if coming || now.Sub(c.replacedAt) < replaceAgain {
		return false // its successor is on its way, or could not be had
	}
	if h.fullLocked(e) || h.pool.keepsNone() {
		c.goAwayLocked(why, loss.Culprit{}, now)
		return true
	}
	c.replacedAt, c.limitedByAge = now, why == loss.MaxAge
	c.successor = rt.dialLocked(nil, now)
	return false
}

// replaceAgain is when a successor is dialed once more that has not come.
const replaceAgain = 500 * time.Millisecond

// replaceLocked takes those out of use that have waited for the successor that has
// just come, its SETTINGS too: before, others would wait for these. Where streams are spread
// each has a successor of its own.
func (rt *route) replaceLocked(now time.Time) {
	for i := 0; i < len(rt.shared); i++ {
		c := rt.shared[i]
		if c.replacedAt.IsZero() {
			continue
		}
		if rt.host.pool.spreads() {
			if yes, _ := c.succeededLocked(nil, now); !yes {
				continue
			}
		}
		why := c.dueReason(nil, now)
		if why == loss.None {
			why = loss.MaxRequests // by the wish of another pool above
			if c.limitedByAge {
				why = loss.MaxAge
			}
		}
		if c.streams == 0 {
			c.replacedAt = time.Time{}
			c.retireQuietLocked(why, now)
		} else {
			c.goAwayLocked(why, loss.Culprit{}, now)
		}
		if i < len(rt.shared) && rt.shared[i] == c {
			continue // something is still being sent on it
		}
		i--
	}
}

// retireLocked closes c, which lies idle.
func (c *Conn) retireLocked(why loss.Reason, now time.Time) {
	c.loseLocked(why, loss.Culprit{}, now)
}

// goAwayLocked takes an HTTP/2 connection out of use while its streams go on.
func (c *Conn) goAwayLocked(why loss.Reason, culprit loss.Culprit, now time.Time) {
	c.noteLocked(why, culprit, now)
	c.route.unshare(c)
	c.successor = nil // it lives on, and its own does
	if c.state == active {
		c.host.moveLocked(c, goingAway)
	}
	c.retiresNowLocked()
}
