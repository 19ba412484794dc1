package ledger

import (
	"errors"
	"time"
)

// net/http starts a dial for every request that finds no idle connection, and
// lets the dial go on when a connection comes free first. So 50 workers can
// open over 100 connections, and a limit on requests is no limit on
// connections. The gate holds a dial back while the connections that are open
// or on their way suffice for the requests in flight, and drops it as soon as
// its request was served by another one.
//
// It must never keep a request from a connection that it needs. Connections
// that are open may be of no use to it (another proxy, HTTP/1 only, a dying
// HTTP/2 connection), and the gate can't see that; so it gives way by time.
const (
	// gateStep is how long a dial waits while nothing is on its way that
	// could serve its request.
	gateStep = 20 * time.Millisecond
	// gateMost is the longest that a dial waits.
	gateMost = time.Second
)

// ErrNotNeeded ends a dial whose request has a connection already, or is gone.
// net/http drops it: nobody waits for that dial.
var ErrNotNeeded = errors.New("warmconn: dial not needed any more")

// gated is one dial that waits for leave.
type gated struct {
	use  *Use
	wake chan struct{} // buffered, one
}

// Dial is leave to dial. Exactly one of Opened and Failed must follow.
type Dial struct {
	host    *Host
	reason  Reason
	culprit Culprit
}

// Admit waits until the exchange u may dial, or says ErrNotNeeded. Limit is
// the most connections to this host; 0 means as many as there are exchanges in
// flight. Free skips the wait.
func (u *Use) Admit(limit int, free bool) (Dial, error) {
	h := u.host
	began := time.Now()
	h.mu.Lock()
	defer h.mu.Unlock()
	var g *gated
	for {
		if u.served || u.ended {
			h.ungate(g)
			return Dial{}, ErrNotNeeded
		}
		now := time.Now()
		if free || h.admits(limit, now.Sub(began)) {
			h.ungate(g)
			h.dialing++
			d := Dial{host: h}
			d.reason, d.culprit = h.verdict(u.ask, now)
			return d, nil
		}
		if g == nil {
			g = &gated{use: u, wake: make(chan struct{}, 1)}
			h.gated = append(h.gated, g)
		}
		h.mu.Unlock()
		t := time.NewTimer(gateStep)
		select {
		case <-g.wake:
		case <-t.C:
		}
		t.Stop()
		h.mu.Lock()
	}
}

// admits reports whether one more dial may start. h.mu is held.
func (h *Host) admits(limit int, waited time.Duration) bool {
	have := h.open + h.dialing
	switch {
	case limit > 0 && have < limit, limit == 0 && have < h.inflight:
		return true
	case waited >= gateMost:
		return true
	case limit > 0:
		return false
	}
	// Something that is dialed or not used yet may still serve it.
	coming := h.dialing + h.open - h.active - h.idle
	return waited >= gateStep && coming == 0
}

// AdmitUnknown is leave for a dial of which nobody knows the request.
func (l *Ledger) AdmitUnknown(addr string) Dial {
	return Dial{host: l.host(KeyOfAddr(addr), func(h *Host) { h.dialing++ })}
}

// Opened enters the connection that the dial brought.
func (d Dial) Opened(now time.Time) *Conn {
	h := d.host
	h.mu.Lock()
	defer h.mu.Unlock()
	h.dialing--
	c := h.opens(now)
	c.watched = true
	c.reason, c.culprit = d.reason, d.culprit
	return c
}

// Failed notes that the dial brought nothing.
func (d Dial) Failed() {
	d.host.mu.Lock()
	defer d.host.mu.Unlock()
	d.host.dialing--
	d.host.wake()
}

// wake lets the first gated dial look again. h.mu is held.
func (h *Host) wake() {
	if len(h.gated) > 0 {
		h.gated[0].nudge()
	}
}

// dismiss lets the dials of u look again: it was served. h.mu is held.
func (h *Host) dismiss(u *Use) {
	for _, g := range h.gated {
		if g.use == u {
			g.nudge()
		}
	}
}

func (h *Host) ungate(g *gated) {
	for i, x := range h.gated {
		if x == g {
			h.gated = append(h.gated[:i], h.gated[i+1:]...)
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
