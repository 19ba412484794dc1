package ledger

import (
	"errors"
	"slices"
	"time"
)

// net/http starts a dial for every request that finds no idle connection, and
// lets the dial go on when a connection comes free first. So 50 workers can
// open over 100 connections, and a limit on requests is no limit on
// connections. The gate lets a dial go only while fewer connections are on
// their way than requests wait for one, and drops it as soon as its request was
// served by another one. Then the connections are never more than the requests
// in flight have been. Under a limit it counts the connections themselves.
//
// A connection that was idle when the request asked is no reason to hold its
// dial back: net/http would have given it, so it does not fit (another proxy,
// HTTP/1 only). Under a limit it is retired to make room. One that has become
// idle since may be in the request's hands already, with GotConn yet to come.
//
// What is on its way may never arrive. A dial, or a TLS handshake, promises
// nothing once its own request has given up, nor after comingMost.
//
// Where the host speaks HTTP/2, one connection serves all: while one is on its
// way the others wait, for as long as connections to it take.
const (
	comingMost = time.Second
	// putStep is how long a plain connection takes from the end of its dial to
	// its first request, or to the idle list, at most.
	putStep = 100 * time.Millisecond
	// handStep is how long GotConn may take to come after that, at most.
	handStep = 50 * time.Millisecond
	// limitMost is the longest that a dial waits for the limit alone, behind
	// connections of which nobody knows what they wait for.
	limitMost = 3 * time.Second
	// shareMin is the least that a dial waits for an HTTP/2 connection that is on
	// its way, and shareCosts how many times what one has been costing.
	shareMin   = 50 * time.Millisecond
	shareCosts = 2
	// gateStep is how often a dial that waits looks at the clock.
	gateStep = 20 * time.Millisecond
)

// ErrNotNeeded ends a dial whose request has a connection already, or is gone.
// net/http drops it: nobody waits for that dial.
var ErrNotNeeded = errors.New("warmconn: dial not needed any more")

// gated is one dial that waits for leave.
type gated struct {
	use  *Use
	wake chan struct{} // buffered, one
}

// Admit waits until the exchange u may dial, or says ErrNotNeeded. Free skips
// the wait.
func (u *Use) Admit(free bool) (Dial, error) {
	h := u.host
	began := time.Now()
	h.mu.Lock()
	defer h.mu.Unlock()
	if !u.served && !u.ended && !u.wants {
		u.wants = true
		h.wanting = append(h.wanting, u)
		h.stirred()
	}
	var g *gated
	for {
		if u.served || u.ended {
			h.ungate(g)
			return Dial{}, ErrNotNeeded
		}
		now := time.Now()
		hold := h.hold(now.Sub(began))
		if free || hold == 0 && h.admits(u, now.Sub(began), now) {
			h.ungate(g)
			d := Dial{host: h, dialer: u.culprit(), shakes: u.Shakes, coming: &coming{use: u.id, addr: u.addr, began: now, until: now.Add(comingMost)}}
			h.coming = append(h.coming, d.coming)
			d.coming.why = h.verdict(u.ask, now)
			return d, nil
		}
		if hold == 0 && h.full(int(u.MaxConns)) {
			h.cutStalled(now)
			if h.evict() {
				continue
			}
		}
		if g == nil {
			g = &gated{use: u, wake: make(chan struct{}, 1)}
			h.gated = append(h.gated, g)
		}
		h.mu.Unlock()
		step := time.Duration(gateStep)
		if hold > 0 {
			step = min(step, hold)
		}
		t := time.NewTimer(step)
		select {
		case <-g.wake:
		case <-t.C:
		}
		t.Stop()
		h.mu.Lock()
	}
}

// admits reports whether one more dial may start for u, which has waited for so
// long. h.mu is held.
func (h *Host) admits(u *Use, waited time.Duration, now time.Time) bool {
	promises, last := 0, time.Time{}
	for _, c := range h.coming {
		if !c.orphan && now.Before(c.until) {
			promises, last = promises+1, c.began
		}
	}
	if h.muxed && (promises > 0 && now.Sub(last) < h.shareMost(u.addr) ||
		h.sharedAt.After(u.ask.at) && now.Sub(h.sharedAt) < handStep) {
		return false
	}
	handed := 0
	if waited < handStep {
		// Idle may also mean: taken off net/http's list, about to be closed.
		handed = h.handed()
	}
	if promises+handed >= len(h.wanting) {
		return false
	}
	return !h.full(int(u.MaxConns)) || waited >= limitMost
}

// shareMost is how long to wait for an HTTP/2 connection to addr that is on its
// way. h.mu is held.
func (h *Host) shareMost(addr string) time.Duration {
	cost, _ := h.worth.Cost(addr)
	return min(max(shareCosts*cost, shareMin), comingMost)
}

// handed counts the connections that have become idle since the first of those
// that wait has asked. h.mu is held.
func (h *Host) handed() (n int) {
	if len(h.wanting) == 0 {
		return 0
	}
	first := h.wanting[0].ask.seq
	for _, u := range h.wanting {
		first = min(first, u.ask.seq)
	}
	for _, c := range slices.Backward(h.idles) {
		if c.idleSeq <= first {
			break
		}
		n++
	}
	return n
}

// arrived ends a promise. h.mu is held.
func (h *Host) arrived(c *coming) {
	for i, x := range h.coming {
		if x == c {
			h.coming = slices.Delete(h.coming, i, i+1)
			h.wake()
			return
		}
	}
}

// abandon makes orphans of what was on its way to u. h.mu is held.
func (h *Host) abandon(u *Use) {
	for _, c := range h.coming {
		if c.use == u.id {
			c.orphan, c.since = true, time.Now()
			h.wake()
		}
	}
}

// wake lets the first gated dial look again. h.mu is held.
func (h *Host) wake() {
	if len(h.gated) > 0 {
		h.gated[0].nudge()
	}
}

// dismiss notes that u waits no more, and lets its dials look again. h.mu is
// held.
func (h *Host) dismiss(u *Use) {
	if !u.wants {
		return
	}
	u.wants = false
	h.wanting = slices.DeleteFunc(h.wanting, func(x *Use) bool { return x == u })
	for _, g := range h.gated {
		if g.use == u {
			g.nudge()
		}
	}
}

func (h *Host) ungate(g *gated) {
	for i, x := range h.gated {
		if x == g {
			h.gated = slices.Delete(h.gated, i, i+1)
			// The place may be good for the next one too.
			h.wake()
			return
		}
	}
}

func (g *gated) nudge() {
	select {
	case g.wake <- struct{}{}:
	default:
	}
}
