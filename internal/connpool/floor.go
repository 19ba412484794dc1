package connpool

import "time"

// A floor, Options.MinIdle, is how many connections over HTTP/1 stay idle for a host that
// is in use: neither decay nor IdleTimeout takes more. It makes none: what the server
// closes, and what a request takes away, is not dialed again for its sake.
//
// It gives way to whatever else closes connections: the time for which the server
// keeps idle connections, an age, the limits of idle ones, CloseIdleConnections. IdleTimeout is there
// because a connection that is not used costs something, and because the server may close
// it in the moment in which a request is sent. A host that is in use has told that it is
// worth the former; the latter is what the server's own word, and what it has shown, are for.
//
// A host is in use while it has an exchange, and for IdleTimeout after the last one, or
// after the last Warm. Then its floor goes, too: a host that is not used any more costs
// nothing.

// inUseLocked reports whether the host is in use. It asks the wall clock, too: the machine may
// have slept.
func (h *Host) inUseLocked(now time.Time) bool {
	d, at := h.pool.opts.IdleTimeout, h.usedAtLocked()
	return h.inFlight > 0 || d <= 0 || now.Sub(at) < d && now.Round(0).Sub(at.Round(0)) < d
}

// usedAtLocked is when the last request ended, or Warm was called.
func (h *Host) usedAtLocked() time.Time {
	if h.demand.warmedAt.After(h.lastUse) {
		return h.demand.warmedAt
	}
	return h.lastUse
}

// floorLocked is how many connections over HTTP/1, those in use included, the floor has decay
// leave.
func (h *Host) floorLocked() int {
	n := h.pool.opts.MinIdle
	if n <= 0 {
		return 0
	}
	return n + h.conns.by[active] - (h.conns.http2 - h.conns.http2Idle)
}

// sparedLocked reports whether the floor keeps c, which lies idle, from IdleTimeout.
func (c *Conn) sparedLocked(now time.Time) bool {
	h := c.host
	if n := h.pool.opts.MinIdle; n <= 0 || c.http2 || h.conns.by[idle]-h.conns.http2Idle > n || !h.inUseLocked(now) {
		return false
	}
	d := c.serverLimit()
	return d == 0 || now.Sub(c.idleAt) < d && now.Round(0).Sub(c.idleAt.Round(0)) < d
}

// lookAtLocked is when c, which lies idle and was just left so, is to be looked at again: when it is
// due, or if it is spared, when that may be over.
func (c *Conn) lookAtLocked(now time.Time) time.Time {
	t := c.dueAt()
	if t.IsZero() || now.Before(t) {
		return t
	}
	h := c.host
	d := h.pool.opts.IdleTimeout
	t = h.usedAtLocked().Add(d)
	if h.inFlight > 0 {
		t = now.Add(d)
	}
	if a := c.serverLimit(); a > 0 && c.idleAt.Add(a).Before(t) {
		t = c.idleAt.Add(a)
	}
	if age := h.pool.opts.MaxAge; age > 0 && c.opened.Add(c.ownAge(age)).Before(t) {
		t = c.opened.Add(c.ownAge(age))
	}
	return t
}
