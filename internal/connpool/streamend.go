package connpool

import (
	"slices"
	"time"

	"github.com/warmconn/warmconn/internal/loss"
)

// quietLocked reports whether no exchange has a stream of c, and no request is still
// being sent on one though its response has ended. A stream that was reset stays in
// flight, for net/http, until a ping is answered: that of a peer that is gone for good.
func (c *Conn) quietLocked() bool {
	if c.streams > 0 || !c.http2 {
		return c.streams == 0
	}
	in := c.cc.InFlight()
	if in == 0 {
		c.resets = 0
	}
	return in <= c.resets
}

// retireQuietLocked retires c, on which no exchange has a stream any more. Net/http ends
// a stream some microseconds behind its exchange; or a request goes on, whose response
// came early.
func (c *Conn) retireQuietLocked(why loss.Reason, now time.Time) {
	if c.quietLocked() {
		c.loseLocked(why, loss.Culprit{}, now)
		return
	}
	c.due = why
	c.retiresNowLocked()
	c.restLocked(now)
	c.host.sweep.byLocked(c.host, now.Add(drainLook)) // the state hook can be lost
}

// departLocked ends c, which goes away and on which no exchange has a stream any more, once
// nothing is being sent on it.
func (c *Conn) departLocked(now time.Time) {
	if c.cc.Err() != nil || c.quietLocked() {
		c.finishLocked(now)
		return
	}
	if rt := c.route; !slices.Contains(rt.drains, c) {
		rt.drains = append(rt.drains, c)
	}
	c.host.sweep.byLocked(c.host, now.Add(drainLook)) // the state hook can be lost
}

// emptyLocked is for an HTTP/2 connection that may have no stream any more: a look
// at it since it was active may have found that it goes away.
func (c *Conn) emptyLocked(now time.Time) {
	switch {
	case c.streams > 0:
	case c.state == active:
		c.restLocked(now)
	case c.state == goingAway:
		c.departLocked(now)
	}
}

// streamEndedLocked takes the exchange off an HTTP/2 connection, on which others go
// on whatever became of this one.
func (c *Conn) streamEndedLocked(e *Entry, cause loss.Reason, now time.Time) loss.Reason {
	h, rt := c.host, c.route
	c.leaveLocked(e)
	c.limit.endedAt = now
	broken := c.cc.Err() != nil
	switch {
	case broken:
	case cause == loss.None:
		c.limit.settled = true
		c.route.server.livedLocked(c.idledFor)
	default:
		c.resets++
	}
	switch {
	case broken && c.lost == nil && (c.state == active || c.state == goingAway):
		why, culprit := cause, loss.Culprit{}
		if why == loss.None || why == loss.Unknown {
			why = c.atRest(now) // the exchange itself was none the worse for it
			c.guessed = true
		} else if why.Blames() {
			culprit = e.Owner.Culprit()
		}
		c.goAwayLocked(why, culprit, now)
	case broken && c.lost != nil && c.guessed && cause != loss.None && cause != loss.Unknown:
		// It was found broken before the first of those on it could tell.
		c.guessed = false
		c.lost.Settle(cause, now)
		c.lost.Culprit = e.Owner.Culprit()
		h.recountLocked(c)
	case !broken && cause == loss.ClientClose, !broken && cause == loss.KeepAlivesOff:
		if c.state == active {
			c.goAwayLocked(cause, e.Owner.Culprit(), now)
		}
	case !broken:
		cause = loss.None // the stream alone
	}
	switch {
	case c.state != active:
	case broken:
		h.moveLocked(c, goingAway)
	default:
		c.roomLocked(now)
	}
	if c.streams > 0 {
		if c.state == active {
			rt.shareLocked(c, now)
		}
		return cause
	}
	switch c.state {
	case goingAway:
		c.departLocked(now)
	case active:
		why := c.dueReason(e, now)
		if h.pool.shutDown.Load() {
			why = loss.ClosedIdle
		}
		if why != loss.None {
			cause = why
			c.retireQuietLocked(why, now)
			break
		}
		if rt.waiters.all.Len() > 0 {
			rt.shareLocked(c, now)
		}
		c.emptyLocked(now)
	}
	h.fillLocked(now)
	return cause
}
