package connpool

import (
	"time"

	"github.com/warmconn/warmconn/internal/loss"
)

// distrustsLocked reports whether the server may be about to close c, so that a request
// which can't be sent again must not have it. C is idle, or speaks HTTP/2.
//
// Over HTTP/2 a connection can be idle for the server while it is in use here: as long as
// the first stream after an idle time is on its way, or the next one after the server has
// ended all others. The latter shows in its silence. If it is silent for longer, and c is
// still open, the server is at work on a stream.
func (c *Conn) distrustsLocked(now time.Time) bool {
	rt := c.route
	s := &rt.server
	if s.trust == 0 || c.uses == 0 || rt.failed || s.limit == 0 && now.After(s.doubtedTo) {
		return false // if the last dial has failed, c is better than none
	}
	if c.state == idle {
		s.livedLocked(now.Sub(c.idleAt)) // c is open
		return s.trust > 0 && now.Sub(c.idleAt) >= s.trust
	}
	if !c.http2 {
		return false
	}
	late := s.rtt + firstLate
	if d := now.Sub(c.busySince); d < late && c.idledFor+d >= s.trust {
		return true
	}
	if c.raw == nil {
		return false
	}
	silent := time.Duration(now.UnixNano() - c.raw.readAt.Load())
	return silent >= s.trust && silent < s.trust+late
}

// avoidsLocked reports whether e must not get c, where e's request can't be sent again, and
// c speaks HTTP/2 and is distrusted. If no exchange has c, it is retired. If c is in use and
// no other connection may be dialed, e gets it.
func (c *Conn) avoidsLocked(e *Entry, now time.Time) bool {
	if c.streams == 0 {
		c.retireQuietLocked(loss.IdleTimeout, now)
		return true
	}
	h := c.host
	return !h.pool.strict && !h.fullLocked(e)
}

// onceLocked is how many of the requests that wait for an HTTP/2 connection need one of
// their own: they can't be sent again, and the server keeps idle connections for less time
// than a dial takes. By the time that they may share a new connection, when its SETTINGS
// have come, the server may be about to close it.
func (rt *route) onceLocked() int {
	if rt.server.limit == 0 {
		return 0
	}
	if cost, _ := rt.host.worth.Cost(rt.hop); rt.server.trust >= cost {
		return 0
	}
	return rt.waiters.once
}

// firstLate is how much longer than a round trip a stream may take to arrive at the server,
// on an HTTP/2 connection that was idle.
const firstLate = 20 * time.Millisecond
