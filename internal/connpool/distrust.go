package connpool

import (
	"net/http"
	"time"

	"github.com/warmconn/warmconn/internal/loss"
)

// distrustsLocked reports whether c, which is idle or of HTTP/2, may have been idle for
// the server for so long that a request which can't be sent again is not to have it.
// Over HTTP/2 the server does not know of a stream that is on its way to it: neither of
// the first one behind an idle time, nor of the next one if it has ended all others, which
// shows in its silence. One that is silent for longer, and still open, has a stream that it
// works on.
func (c *Conn) distrustsLocked(now time.Time) bool {
	rt := c.route
	s := &rt.server
	if s.trust == 0 || c.uses == 0 || rt.failed || s.limit == 0 && now.After(s.doubtedTo) {
		return false // where the last dial has failed, it is better than none
	}
	if c.state == idle {
		s.livedLocked(now.Sub(c.idleAt)) // it is open
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

// avoidsLocked reports whether c, which is of HTTP/2 and not to be trusted, is not given to
// e, the request of which can't be sent again. If no exchange has c it is retired. Where
// it is in use and no other may be dialed, e gets it.
func (c *Conn) avoidsLocked(e *Entry, now time.Time) bool {
	if c.streams == 0 {
		c.retireQuietLocked(loss.IdleTimeout, now)
		return true
	}
	h := c.host
	return !h.pool.strict && !h.fullLocked(e)
}

// onceLocked is how many of those who wait for an HTTP/2 connection need one of their
// own: their requests can't be sent again, and the server keeps idle connections for less
// than a dial takes. When they may share one, its SETTINGS having come, the server may
// be about to close it.
func (rt *route) onceLocked() int {
	if rt.server.limit == 0 {
		return 0
	}
	if cost, _ := rt.host.worth.Cost(rt.hop); rt.server.trust >= cost {
		return 0
	}
	return rt.waiters.once
}

// sentOnce reports whether net/http would not send req again that has crossed the
// server's close.
func sentOnce(req *http.Request, http2 bool) bool {
	if http2 {
		return outgoingLength(req) != 0 && req.GetBody == nil
	}
	return !replayable(req)
}

// firstLate is how much longer than a way there and back a stream of an HTTP/2
// connection that was idle may take to be at the server.
const firstLate = 20 * time.Millisecond
