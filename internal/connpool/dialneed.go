package connpool

import (
	"slices"
	"time"

	"github.com/warmconn/warmconn/internal/loss"
)

const (
	// An abandoned dial counts for the next request while it is younger than twice the cost
	// of a connection, within promiseMin and promiseMost, or than promiseUnknown if the cost
	// is not known. Later that request dials by itself, and under a limit the abandoned
	// dial is broken off to make room.
	promiseMin, promiseUnknown, promiseMost = 50 * time.Millisecond, 250 * time.Millisecond, time.Second
)

// fillLocked starts the dials that the host's waiting requests need: never more than there
// are such requests, nor than the limit allows.
func (h *Host) fillLocked(now time.Time) {
	if len(h.routes) == 0 {
		h.direct.fillLocked(now)
		return
	}
	// Under a limit the request that has waited longest comes first, by any route.
	routes := h.allRoutes()
	slices.SortStableFunc(routes, func(a, b *route) int { return a.waiters.undialedSince(now).Compare(b.waiters.undialedSince(now)) })
	for _, rt := range routes {
		rt.fillLocked(now)
	}
}

// olderElsewhereLocked reports whether a request waits on another route because of the
// limit, and has waited for longer than all requests on rt.
func (h *Host) olderElsewhereLocked(rt *route, now time.Time) bool {
	since := now
	if w := rt.waiters.all.First(); w != nil {
		since = w.began
	}
	for _, other := range h.allRoutes() {
		w := other.waiters.undialed.First()
		if other != rt && w != nil && w.began.Before(since) && h.fullLocked(w.entry) {
			return true
		}
	}
	return false
}

func (rt *route) fillLocked(now time.Time) {
	h := rt.host
	for rt.needsDialLocked(now) {
		w := rt.waiters.undialed.First()
		if h.fullLocked(w.entry) {
			rt.waiters.limited.run(now)
			h.makeRoomLocked(rt, now)
			return
		}
		rt.waiters.assign(w, rt.dialLocked(w.entry, now))
	}
	rt.waiters.limited.stop(now)
}

// needsDialLocked reports whether a request waits that has no dial of its own, and can't
// hope for another dial or a stream that comes free.
func (rt *route) needsDialLocked(now time.Time) bool {
	for rt.unowned > 0 && rt.waiters.undialed.Len() > 0 && rt.passesOn() {
		if !rt.adoptLocked(now) {
			break
		}
	}
	switch {
	case rt.waiters.undialed.Len() == 0:
		return false
	case rt.protocol == unknown && rt.gatedLocked(now):
		return false
	case rt.failed:
		// Each request dials: else the error of one dial after another would reach one
		// request after another.
		return true
	case rt.protocol == http2 && rt.passesOn():
		if rt.fewLocked() {
			return true
		}
		if rt.host.pool.strict && len(rt.shared) > 0 && !rt.ownCapLocked() {
			return false // the base has requests wait at a limit of streams
		}
		per := rt.perConnLocked()
		fresh := 0 // dials on which other requests may hope: they take no longer than usual
		for _, c := range rt.dials {
			if now.Sub(c.dial.began) < rt.promiseLocked() {
				fresh++
			}
		}
		for _, c := range rt.shared {
			switch unsettled, late := c.unsettledLocked(now); {
			case late && rt.streams == 0:
				per = 1 // the server's SETTINGS do not come
			case unsettled && !late:
				fresh++
			}
		}
		n := max(rt.waiters.all.Len()-fresh*per, rt.onceLocked()-fresh)
		return n > 0 && n > rt.comingLocked(now)
	}
	return true
}

// adoptLocked gives an abandoned dial to a request that waits. It returns false if there is
// none that is young enough and was not broken off.
func (rt *route) adoptLocked(now time.Time) bool {
	for _, c := range rt.dials {
		if c.waiter == nil && c.cancel != nil && c.hopefulLocked(now) {
			rt.unowned--
			rt.waiters.assign(rt.waiters.undialed.First(), c)
			return true
		}
	}
	return false
}

// promiseLocked is the most age of an abandoned dial that a request may hope for.
func (rt *route) promiseLocked() time.Duration {
	cost, measured := rt.host.worth.Cost(rt.hop)
	if measured == 0 {
		return promiseUnknown
	}
	return min(max(2*cost, promiseMin), promiseMost)
}

// hopefulLocked reports whether a request that has no dial of its own may hope for c, which
// is being dialed. If c's own request was served by another connection, the dial is good
// for a while, however busy the machine is. If it gave up, perhaps the dial hangs.
func (c *Conn) hopefulLocked(now time.Time) bool {
	switch {
	case c.abandoned.IsZero():
		return true
	case c.givenUp:
		return now.Sub(c.dial.began) < c.route.promiseLocked()
	}
	return now.Sub(c.abandoned) < promiseMost
}

// disownLocked takes adopted dials that last too long from the requests that have adopted
// them.
func (rt *route) disownLocked(now time.Time) {
	for _, c := range rt.dials {
		if w := c.waiter; w != nil && !c.hopefulLocked(now) {
			w.dial, c.waiter = nil, nil
			rt.unowned++
			rt.waiters.pushUndialed(w)
		}
	}
}

// makeRoomLocked frees a place under the limit, if the requests on rt have no use for some
// connection: one that is idle on another route, or is being dialed for no request.
func (h *Host) makeRoomLocked(rt *route, now time.Time) {
	if h.conns.by[closing] > 0 {
		return // its place comes free
	}
	for _, other := range h.allRoutes() {
		if other != rt && len(other.idle) > 0 {
			other.idle[0].retireLocked(loss.IdleLimit, now)
			return
		}
		for _, c := range other.shared {
			if other != rt && c.state == idle && c.quietLocked() && h.pool.opts.MaxConns > 0 { // Policy.MaxConns does not count HTTP/2's
				c.retireLocked(loss.IdleLimit, now)
				return
			}
		}
	}
	for _, other := range h.allRoutes() {
		for _, c := range other.dials {
			if c.waiter == nil && c.cancel != nil && (other != rt || !rt.passesOn() || !c.hopefulLocked(now)) {
				c.cancel()
				c.cancel = nil
				return
			}
		}
	}
}
