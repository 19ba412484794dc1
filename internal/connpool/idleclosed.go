package connpool

import "time"

// probesLocked reports whether c, which has been idle for as long as the server is
// believed to keep it, is left to the server.
func (c *Conn) probesLocked(now time.Time) bool {
	s := &c.route.server
	if c.probe {
		s.livedLocked(now.Sub(c.idleAt)) // and the pool's own limit ends it
		return false
	}
	if s.limit == 0 || now.Sub(s.probedAt) < probeAgain {
		return false
	}
	c.probe = true
	if c.tooIdle(now) {
		c.probe = false
		return false
	}
	s.probedAt = now
	return true
}

// closedIdleLocked notes that the server has closed c, which lay idle.
func (c *Conn) closedIdleLocked(now time.Time) {
	if !c.wasIdle || c.uses == 0 || c.state != idle {
		return // how long a server waits for the first request is another limit
	}
	at := c.closedAt(now)
	idle := at.Sub(c.idleAt)
	if (at.Round(0).Sub(c.idleAt.Round(0)) - idle).Abs() > time.Second {
		return // the machine has slept meanwhile, or somebody has set its clock
	}
	c.route.server.closedLocked(idle, c.probe, false, now)
}

// crossed is for c, of HTTP/1, on which a request failed: if its end was on the way
// when the request was sent, it was a limit of the server's.
func (c *Conn) crossed() {
	if c.raw.ending() != byPeer {
		return
	}
	now := time.Now()
	c.host.mu.Lock()
	defer c.host.mu.Unlock()
	s := &c.route.server
	if c.raw.read.Load() == c.readIdle && c.closedAt(now).Sub(c.givenAt) < s.rtt+max(s.rtt/4, staleMost) {
		s.closedLocked(c.idledFor+s.rtt, c.probe, true, now)
	}
}

// closedAt is when the end of c has come, as far as the socket has seen it: that of a
// GOAWAY, behind which a server may leave an idle connection open for a while. A frame right
// behind the response is none of that, but the window that an upload has used, say.
func (c *Conn) closedAt(now time.Time) time.Time {
	if c.raw == nil {
		return now
	}
	ns := c.raw.endedAt.Load()
	if c.http2 && c.raw.farewell.Load() && c.raw.said.Load() > c.saidIdle {
		if at := c.raw.readAt.Load(); at-c.idleAt.UnixNano() > int64(hardlyIdle+c.route.server.rtt) {
			ns = at
		}
	}
	if d := time.Duration(now.UnixNano() - ns); ns != 0 && d > 0 {
		return now.Add(-d)
	}
	return now
}
