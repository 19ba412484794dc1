package connpool

import "time"

// A floor, Options.MinIdle, is how many connections over HTTP/1 stay idle for a host that
// is in use: decay and IdleTimeout leave that many. It makes none: where the server closes a
// connection, or a request takes one, no other is dialed for the floor's sake.
//
// The floor gives way to everything else that closes connections: the time for which the
// server keeps idle connections, MaxAge, the limits of idle ones, CloseIdleConnections.
// IdleTimeout has two reasons: a connection that is not used costs something, and the server
// may close it in the moment in which a request is sent. A host in use is worth the cost.
// And against the server's close there is the time that the server announces, or that its
// closings have shown.
//
// A host is in use while it has an exchange, and for IdleTimeout after the last one, or
// after the last Warm. Then the floor ends, too: a host that is not used any more costs
// nothing.

// inUseLocked reports whether the host is in use. It also asks the wall clock, for the
// machine may have slept.
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

// floorLocked is how many connections over HTTP/1, idle or in use, decay leaves for the
// floor's sake.
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

// lookAtLocked is when the sweep must look at c again, which it has just left idle: when c
// is due, or if the floor spares c, when that may be over.
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
