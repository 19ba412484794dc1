package connpool

import (
	"net/http"
	"slices"
	"time"

	"github.com/warmconn/warmconn/internal/loss"
)

// pickLocked returns a connection that can be used for req at once; nil if there is none.
// Of several HTTP/2 connections it is the first, or where streams are spread the one with
// the fewest.
func (rt *route) pickLocked(e *Entry, req *http.Request, now time.Time) *Conn {
	var fewest *Conn
	load := 0
	for i := 0; i < len(rt.shared); i++ {
		c := rt.shared[i]
		switch {
		case c.roomLocked(now) <= 0:
		case c.distrustsLocked(now) && sentOnce(req, true) && c.avoidsLocked(e, now):
		case c.dueLocked(e, now):
		case !rt.host.pool.spreads():
			return c
		default:
			if n := c.loadLocked(); fewest == nil || n < load {
				fewest, load = c, n
			}
		}
		if i < len(rt.shared) && rt.shared[i] != c {
			i-- // c was found dead, or due, and taken out of the list
		}
	}
	if fewest != nil {
		return fewest
	}
	if len(rt.idle) == 0 {
		// A connection that net/http drains behind its exchange may have come back without
		// a word: the state hook can be lost.
		for _, c := range slices.Clone(rt.drains) {
			c.lookLocked(now)
		}
	}
	for len(rt.idle) > 0 {
		c := rt.idle[len(rt.idle)-1]
		switch {
		case c.cc.Err() != nil:
			c.loseLocked(c.atRest(now), loss.Culprit{}, now)
		case c.overdueLocked(now):
			c.retireLocked(loss.IdleTimeout, now)
		case c.older(rt.host.pool.opts.MaxAge, now):
			c.retireLocked(loss.MaxAge, now)
		case c.distrustsLocked(now) && sentOnce(req, false):
			c.retireLocked(loss.IdleTimeout, now)
		default:
			return c
		}
	}
	return nil
}

// roomLocked is how many more streams c takes. On the way it notes the server's limit, as
// far as the numbers show it, and a server that takes no more streams. Streams that were
// given out and not opened yet are counted here, and not reserved by Reserve: each call that
// may run the state hook costs an allocation, and Reserve two a request. Only where the
// server allows few streams is each reserved: the count may be too high, for an exchange
// may have an unread body and no stream.
func (c *Conn) roomLocked(now time.Time) int {
	if c.state != idle && c.state != active || c.due != loss.None {
		return 0
	}
	in := c.cc.InFlight() // before Available: a stream that is opened in between counts twice, and not never
	n := c.cc.Available()
	if n == 0 {
		c.lookLocked(now)
		return 0
	}
	c.settleLocked()
	given := max(c.streams-c.arrived-in, 0) // given out, and not opened yet
	if given == 0 {
		c.noteLimitLocked(n, in)
	}
	n = c.capLocked(n, in, now)
	n -= int(c.unreserved.Load())
	if unsettled, _ := c.unsettledLocked(now); unsettled {
		return min(n, 1-min(c.streams, 1))
	}
	if c.tightLocked() {
		return max(n, 0)
	}
	return n - given
}
