package connpool

import (
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

// limits are the age and the number of uses at which c is retired; 0: never. They are the
// Pool's, or those of the exchange e, if it has lower ones. E may be nil.
func (c *Conn) limits(e *Entry) (age time.Duration, uses int) {
	o := &c.host.pool.opts
	age, uses = o.MaxAge, o.MaxUses
	if e == nil {
		return age, uses
	}
	if d := e.MaxAge; d > 0 && (age == 0 || d < age) {
		age = d
	}
	if n := int(e.MaxUses); n > 0 && (uses == 0 || n < uses) {
		uses = n
	}
	return age, uses
}

// dueReason says why c is to be retired, and e must not be given it, or was the last to have
// it; empty if c is not due.
func (c *Conn) dueReason(e *Entry, now time.Time) loss.Reason {
	age, uses := c.limits(e)
	switch {
	case uses > 0 && c.uses >= uses:
		return loss.MaxRequests
	case c.older(age, now):
		return loss.MaxAge
	case c.movedLocked():
		return loss.AddressGone
	case c.state == idle && c.tooIdle(now):
		return loss.IdleTimeout
	}
	return loss.None
}

// older reports whether c has come to that age. For each connection it is up to a tenth
// less, so that connections that were made in one moment do not end in one moment.
func (c *Conn) older(age time.Duration, now time.Time) bool {
	return age > 0 && now.Sub(c.opened) >= c.ownAge(age)
}

func (c *Conn) ownAge(age time.Duration) time.Duration {
	return age - age/10*time.Duration(c.jitter)/256
}
