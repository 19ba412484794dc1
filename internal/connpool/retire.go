package connpool

import (
	"slices"
	"time"

	"github.com/warmconn/warmconn/internal/loss"
)

// dueLocked reports whether c, of HTTP/2, must not be used any more because it is due. A
// busy one is used until another connection has taken its place, so that no request waits
// for a dial.
func (c *Conn) dueLocked(e *Entry, now time.Time) bool {
	h, rt := c.host, c.route
	why := c.dueReason(e, now)
	if why == loss.None {
		return false
	}
	if c.streams == 0 {
		c.retireQuietLocked(why, now)
		return true
	}
	yes, coming := c.succeededLocked(e, now)
	if yes {
		c.goAwayLocked(why, loss.Culprit{}, now)
		return true
	}
	if coming || now.Sub(c.replacedAt) < replaceAgain {
		return false // its successor is on its way, or its dial has just failed
	}
	if h.fullLocked(e) || h.pool.keepsNone() {
		c.goAwayLocked(why, loss.Culprit{}, now)
		return true
	}
	c.replacedAt, c.limitedByAge = now, why == loss.MaxAge
	c.successor = rt.dialLocked(nil, now)
	return false
}

// replaceAgain is the time after which a successor that has not come is dialed once more.
const replaceAgain = 500 * time.Millisecond

// replaceLocked takes connections out of use after their successor has come. It is called
// when the successor's SETTINGS have come, too: before, requests would have to wait for them.
// Where streams are spread, each connection has a successor of its own.
func (rt *route) replaceLocked(now time.Time) {
	for i := 0; i < len(rt.shared); i++ {
		c := rt.shared[i]
		if c.replacedAt.IsZero() {
			continue
		}
		if rt.host.pool.spreads() {
			if yes, _ := c.succeededLocked(nil, now); !yes {
				continue
			}
		}
		why := c.dueReason(nil, now)
		if why == loss.None {
			why = loss.MaxRequests // a limit of an exchange's own: another pool above has set it
			if c.limitedByAge {
				why = loss.MaxAge
			}
		}
		if c.streams == 0 {
			c.replacedAt = time.Time{}
			c.retireQuietLocked(why, now)
		} else {
			c.goAwayLocked(why, loss.Culprit{}, now)
		}
		if i < len(rt.shared) && rt.shared[i] == c {
			continue // a request is still being sent on it
		}
		i--
	}
}

// retireLocked closes c, which is idle.
func (c *Conn) retireLocked(why loss.Reason, now time.Time) {
	c.loseLocked(why, loss.Culprit{}, now)
}

// goAwayLocked takes an HTTP/2 connection out of use while its streams go on.
func (c *Conn) goAwayLocked(why loss.Reason, culprit loss.Culprit, now time.Time) {
	c.noteLocked(why, culprit, now)
	c.route.unshare(c)
	c.successor = nil // c may live on for long, and so would the successors of its successor
	if c.state == active {
		c.host.moveLocked(c, goingAway)
	}
	c.retiresNowLocked()
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
				c.aborted.Store(true)
				h.afterwards(func() { go c.cc.Close() })
			}
		}
	}
}
