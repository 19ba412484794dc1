package connpool

import (
	"slices"
	"time"

	"github.com/warmconn/warmconn/internal/loss"
)

// restsLocked sets the host's clock so that c, which has become idle, is retired in time.
func (h *Host) restsLocked(c *Conn, now time.Time) {
	if c.raw != nil {
		c.saidIdle, c.readIdle = c.raw.said.Load(), c.raw.read.Load()
	}
	h.sweep.byLocked(h, c.dueAt())
	if h.pool.shutDown.Load() {
		h.sweep.byLocked(h, now.Add(drainLook)) // a request is still being sent on it
	}
	if d := h.pool.opts.DecayEvery; d > 0 && !c.http2 {
		if h.demand.decayed.IsZero() {
			h.demand.decayed = now
		}
		h.sweep.byLocked(h, h.demand.decayed.Add(d))
	}
	if n := h.pool.opts.MaxIdle; n > 0 {
		if !h.indexed {
			h.indexed = true
			h.pool.idle.add(h)
		}
		if h.pool.idle.n.Load() > int64(n) {
			h.afterwards(func() { h.pool.idle.evict(n) })
		}
	}
}

// dueAt is when c, which is idle, is to be retired; zero: never.
func (c *Conn) dueAt() (t time.Time) {
	if d := c.idleLimit(); d > 0 {
		t = c.idleAt.Add(d)
	}
	if d := c.host.pool.opts.MaxAge; d > 0 {
		if old := c.opened.Add(c.ownAge(d)); t.IsZero() || old.Before(t) {
			t = old
		}
	}
	return t
}

// tooIdle reports whether c has been idle for too long. It also asks the wall clock, for the
// machine may have slept.
func (c *Conn) tooIdle(now time.Time) bool {
	d := c.idleLimit()
	return d > 0 && (now.Sub(c.idleAt) >= d || now.Round(0).Sub(c.idleAt.Round(0)) >= d)
}

// overdueLocked reports whether c has been idle for too long, and the floor does not spare it.
func (c *Conn) overdueLocked(now time.Time) bool { return c.tooIdle(now) && !c.sparedLocked(now) }

// idleLimit is how long c may be idle; 0: for good.
func (c *Conn) idleLimit() time.Duration {
	d := c.host.pool.opts.IdleTimeout
	if l := c.serverLimit(); l > 0 && (d == 0 || l < d) {
		d = l
	}
	return d
}

// serverLimit is how long the server keeps c while it is idle, as its Keep-Alive header says
// or its closings have shown; 0: not known.
func (c *Conn) serverLimit() time.Duration {
	d := c.announced
	if c.uses == 0 {
		d = c.route.announced // no response has come on c, and it would say the same
	}
	if keep := c.route.server.keep; keep > 0 && !c.probe && (d == 0 || keep < d) {
		d = keep
	}
	return d
}

// older reports whether c has come to that age. For each connection it is up to a tenth
// less, so that connections that were made in one moment do not end in one moment.
func (c *Conn) older(age time.Duration, now time.Time) bool {
	return age > 0 && now.Sub(c.opened) >= c.ownAge(age)
}

func (c *Conn) ownAge(age time.Duration) time.Duration {
	return age - age/10*time.Duration(c.jitter)/256
}

// closeIdle closes the idle connections, and breaks off the dials that no request waits for.
func (h *Host) closeIdle(why loss.Reason) {
	now := time.Now()
	h.mu.Lock()
	defer h.unlock()
	for _, rt := range h.allRoutes() {
		for _, c := range slices.Clone(rt.idle) {
			c.retireLocked(why, now)
		}
		for _, c := range slices.Clone(rt.shared) {
			switch {
			case c.state != idle:
			case c.quietLocked():
				c.retireLocked(why, now)
			case h.pool.shutDown.Load():
				h.sweep.byLocked(h, now.Add(drainLook))
			}
		}
		for _, c := range rt.dials {
			if c.waiter == nil && c.cancel != nil {
				c.cancel()
				c.cancel = nil // so that no request adopts it
			}
		}
	}
}

// breakDrains closes the connections on which a body is drained after its Close.
func (h *Host) breakDrains() {
	h.mu.Lock()
	defer h.unlock()
	for _, rt := range h.allRoutes() {
		for _, c := range rt.drains {
			if c.state == draining {
				h.afterwards(func() { go c.cc.Close() })
			}
		}
	}
}
