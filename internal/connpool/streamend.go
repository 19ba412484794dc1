package connpool

import (
	"slices"
	"time"

	"github.com/warmconn/warmconn/internal/loss"
)

// quietLocked reports whether c is free of streams: no exchange has one, and no request is
// still being sent whose response has ended. Net/http keeps a stream that was reset in
// flight until a ping is answered, for good if the peer is gone: such streams do not count.
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

// retireQuietLocked retires c, on which no exchange has a stream any more, once it is quiet:
// net/http ends a stream some microseconds after its exchange, or a request is still being
// sent whose response came early.
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

// departLocked ends c, which goes away, and on which no exchange has a stream any more, once
// it is quiet.
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

// emptyLocked is for an HTTP/2 connection that perhaps has no stream any more. It may be
// active, or a look may have found meanwhile that it goes away.
func (c *Conn) emptyLocked(now time.Time) {
	switch {
	case c.streams > 0:
	case c.state == active:
		c.restLocked(now)
	case c.state == goingAway:
		c.departLocked(now)
	}
}

// streamEndedLocked takes the exchange off an HTTP/2 connection. The others on it go on,
// however this one ended. Whole says that the server has ended the stream, and that nothing
// is reset.
func (c *Conn) streamEndedLocked(e *Entry, cause loss.Reason, whole bool, now time.Time) loss.Reason {
	h, rt := c.host, c.route
	c.leaveLocked(e)
	c.limit.endedAt = now
	broken := c.cc.Err() != nil
	switch {
	case broken:
	case whole && cause == loss.None:
		c.limit.settled = true
		c.route.server.livedLocked(c.idledFor)
	default:
		// A stream whose response had arrived is not reset. Exchanges whose bodies lie here
		// unread are in no flight any more: fewer than none cannot be reset.
		c.resets = max(min(c.resets+1, c.cc.InFlight()-c.streams), 0)
	}
	switch {
	case broken && c.lost == nil && (c.state == active || c.state == goingAway):
		why, culprit := cause, loss.Culprit{}
		if why == loss.None || why == loss.Unknown {
			why = c.atRest(now) // the exchange itself did not suffer from it
			c.guessed = true
		} else if why.Blames() {
			culprit = e.Owner.Culprit()
		}
		c.goAwayLocked(why, culprit, now)
	case broken && c.lost != nil && c.guessed && cause != loss.None && cause != loss.Unknown:
		// c was found broken before an exchange on it could give the reason.
		c.guessed = false
		c.lost.Settle(cause, now)
		c.lost.Culprit = e.Owner.Culprit()
		h.recountLocked(c)
	case !broken && cause == loss.ClientClose, !broken && cause == loss.KeepAlivesOff:
		if c.state == active {
			c.goAwayLocked(cause, e.Owner.Culprit(), now)
		}
	case !broken:
		cause = loss.None // the stream alone is lost
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
