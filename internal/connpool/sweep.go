package connpool

import (
	"slices"
	"time"

	"github.com/warmconn/warmconn/internal/loss"
)

// sweeper is the clock by which a host's connections are retired. It runs while there is a
// connection to be retired at some time. The host's mutex guards it.
type sweeper struct {
	at    time.Time // when it runs next; zero: it stands still
	timer *time.Timer
}

// byLocked sets the clock, if it is not set to an earlier time.
func (s *sweeper) byLocked(h *Host, t time.Time) {
	if t.IsZero() || !s.at.IsZero() && !t.Before(s.at) {
		return
	}
	s.at = t
	d := max(time.Until(t), 0)
	if s.timer == nil {
		s.timer = time.AfterFunc(d, h.sweepIdle)
	} else {
		s.timer.Reset(d)
	}
}

func (s *sweeper) stop() {
	if s.timer != nil {
		s.timer.Stop()
	}
	s.at = time.Time{}
}

// sweepIdle retires the idle connections whose time has come, and the surplus, the ones that
// have been idle for longest first.
func (h *Host) sweepIdle() {
	now := time.Now()
	h.mu.Lock()
	defer h.unlock()
	h.sweep.at = time.Time{}
	surplus := h.decayLocked(now)
	for _, rt := range h.allRoutes() {
		for _, c := range slices.Clone(rt.idle) {
			switch {
			case c.cc.Err() != nil:
				c.lookLocked(now)
			case c.older(h.pool.opts.MaxAge, now):
				c.retireLocked(loss.MaxAge, now)
			case c.movedLocked():
				c.retireLocked(loss.AddressGone, now)
			case c.tooIdle(now) && !c.probesLocked(now) && c.overdueLocked(now):
				c.retireLocked(loss.IdleTimeout, now)
			case surplus > 0:
				surplus--
				c.retireLocked(loss.IdleTimeout, now)
			default:
				h.sweep.byLocked(h, c.lookAtLocked(now))
			}
		}
		for _, c := range slices.Clone(rt.shared) {
			switch {
			case c.state != idle:
			case c.cc.Err() != nil:
				c.lookLocked(now)
			case c.cc.InFlight() > 0:
				// A request is still being sent though its response has ended.
				h.sweep.byLocked(h, now.Add(drainLook))
			case c.due != loss.None:
				c.retireLocked(c.due, now)
			case h.pool.shutDown.Load():
				c.retireLocked(loss.ClosedIdle, now)
			case c.older(h.pool.opts.MaxAge, now):
				c.retireLocked(loss.MaxAge, now)
			case c.movedLocked():
				c.retireLocked(loss.AddressGone, now)
			case c.tooIdle(now) && !c.probesLocked(now):
				c.retireLocked(loss.IdleTimeout, now)
			default:
				h.sweep.byLocked(h, c.dueAt())
			}
		}
		for _, c := range slices.Clone(rt.drains) {
			c.lookLocked(now)
			if c.state == draining || c.state == goingAway {
				h.sweep.byLocked(h, now.Add(drainLook))
			}
		}
	}
	if d := h.pool.opts.DecayEvery; d > 0 && h.conns.by[idle] > 0 {
		h.sweep.byLocked(h, h.demand.decayed.Add(d))
	} else if h.conns.open() == 0 {
		h.demand.resetDecay()
	}
	h.resolveLocked(now)
}
