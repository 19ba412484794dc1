package connpool

import "time"

// probesLocked reports whether c, which has been idle for as long as the server is believed
// to keep it, is left idle as a probe, to see when the server closes it.
func (c *Conn) probesLocked(now time.Time) bool {
	s := &c.route.server
	if c.probe {
		s.livedLocked(now.Sub(c.idleAt)) // the server has not closed it, and the Pool's own limit ends it
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

// clockJump is by how much the wall clock and the monotonic one may differ over an idle time.
const clockJump = time.Second

// closedIdleLocked notes that the server has closed c, which was idle.
func (c *Conn) closedIdleLocked(now time.Time) {
	if !c.wasIdle || c.uses == 0 || c.state != idle {
		return // how long a server waits for the first request is another limit
	}
	at := c.closedAt(now)
	idle := at.Sub(c.idleAt)
	if (at.Round(0).Sub(c.idleAt.Round(0)) - idle).Abs() > clockJump {
		return // the machine has slept meanwhile, or its clock was set
	}
	c.route.server.closedLocked(idle, c.probe, false, now)
}

// crossed is for c, of HTTP/1, on which a request has failed. If the server's close was
// under way when the request was sent, the server had a limit for idle connections.
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

// closedAt is when the end of c came, as the socket has seen it; with a GOAWAY it is when
// that came, for a server may leave an idle connection open for a while after it. A frame
// right after the response is no GOAWAY, but a WINDOW_UPDATE for an upload, say.
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
