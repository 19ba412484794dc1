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

// coming is a connection on its way to its first request.
type coming struct {
	use    uint64 // whose it is, by ID: connections must not reach a Use
	addr   string
	began  time.Time
	until  time.Time // when it stops to be a promise
	orphan bool      // its request has given up
	since  time.Time // when it did
	stop   func()    // breaks the dial off; nil if it is done, or nobody knows how
	broken time.Time // when it was
	conn   *Conn     // once the dial is done
	why    verdict   // empty if nobody knows the request
}

// Dial is leave to dial. Exactly one of Opened and Done must follow.
type Dial struct {
	host   *Host
	coming *coming
	dialer Culprit // whose dial it is
	shakes bool    // Use.Shakes
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
			d := Dial{host: h, dialer: u.Culprit, shakes: u.Shakes, coming: &coming{use: u.id, addr: u.addr, began: now, until: now.Add(comingMost)}}
			h.coming = append(h.coming, d.coming)
			d.coming.why = h.verdict(u.ask, now)
			return d, nil
		}
		if hold == 0 && h.full(u.MaxConns) {
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
	return !h.full(u.MaxConns) || waited >= limitMost
}

// shareMost is how long to wait for an HTTP/2 connection to addr that is on its
// way. h.mu is held.
func (h *Host) shareMost(addr string) time.Duration {
	cost, _ := h.worth.cost(addr)
	return min(max(shareCosts*cost, shareMin), comingMost)
}

// full reports whether there are as many connections as the limit allows, those
// being dialed included. h.mu is held.
func (h *Host) full(limit int) bool {
	if limit <= 0 || h.muxed {
		return false
	}
	n := h.open
	for _, c := range h.coming {
		if c.conn == nil && (c.broken.IsZero() || time.Since(c.broken) < handStep) {
			n++
		}
	}
	for _, c := range h.conns {
		if c.state == idle {
			n-- // nobody knows whether it is still there
		}
	}
	for _, c := range h.idles {
		if c.common {
			n-- // it may be in another host's hands, and can't be told to go
		}
	}
	return n >= limit+h.exempt
}

// evict retires an idle connection that no waiting request can use. h.mu is
// held, and given up meanwhile.
func (h *Host) evict() bool {
	useless := func() []*Conn {
		for _, c := range h.idles {
			if c.watched && !c.shared && !c.common && !h.wanted(c) {
				return []*Conn{c}
			}
		}
		return nil
	}
	if !h.ledger.keep.Private || useless() == nil {
		return false
	}
	return h.retire(useless, func(*Conn) Reason { return IdleLimit })
}

// cutStalled breaks off the dials and handshakes of requests that have given up,
// after the time in which connections are made here: servers that hang would hold
// all the places that the limit allows. h.mu is held.
func (h *Host) cutStalled(now time.Time) {
	for _, c := range h.coming {
		switch {
		case !c.orphan || now.Sub(c.since) < h.shareMost(c.addr):
		case c.conn != nil && c.conn.shaking.Load():
			c.conn.end.Abort()
		case c.stop != nil:
			c.stop()
			c.stop, c.broken = nil, now
		}
	}
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

// AdmitUnknown is leave for a dial of which nobody knows the request.
func (l *Ledger) AdmitUnknown(addr string) Dial {
	c := new(coming)
	c.orphan = true
	return Dial{coming: c, host: l.host(KeyOfAddr(addr), func(h *Host) { h.coming = append(h.coming, c) })}
}

// Breakable says how the dial is broken off.
func (d Dial) Breakable(stop func()) {
	d.host.mu.Lock()
	defer d.host.mu.Unlock()
	d.coming.stop = stop
}

// Opened enters the connection that the dial brought; Closing and Closed must
// follow when it is closed. Peer is its address if
// they are counted. Or it returns ErrNotNeeded, and the connection is to be
// closed at once: the dial was broken off, and its dialer did not heed that.
func (d Dial) Opened(took Setup, end Ender, peer string, now time.Time) (*Conn, error) {
	h := d.host
	h.mu.Lock()
	defer h.mu.Unlock()
	if !d.coming.broken.IsZero() {
		h.drop(d.coming)
		return nil, ErrNotNeeded
	}
	c := h.opens(now)
	c.watched, c.end = true, end
	h.meet(c, peer)
	c.coming = d.coming
	if h.key.Scheme != "https" {
		c.coming.until = now.Add(putStep)
	} else {
		c.coming.until = now.Add(comingMost)
	}
	c.by, c.addr, c.dialer, c.setup, c.dialed = d.coming.use, d.coming.addr, d.dialer, took, d.coming.began
	c.common = h.key.Scheme != "https" && c.addr != h.addr || h.key.international()
	c.coming.conn, c.coming.stop = c, nil
	c.shaking.Store(d.shakes)
	return c, nil
}

// Done notes that the dial has ended and brought nothing that reports to this
// ledger: it failed, or its connection can't be watched.
func (d Dial) Done() {
	d.host.mu.Lock()
	defer d.host.mu.Unlock()
	d.host.drop(d.coming)
}

// drop ends a promise that was not kept. h.mu is held.
func (h *Host) drop(c *coming) {
	h.refund(c.why.loss)
	h.arrived(c)
}

// stead returns what an HTTP/2 connection was dialed for that is used in place of
// others, dialed at the same time for requests that it serves as well: a loss
// that one of those was charged with is what all were dialed for. They are
// closed, or will be. Nil if there is none. h.mu is held.
func (h *Host) stead(a ask, now time.Time) *loss {
	for _, c := range h.coming {
		if l := c.why.loss; l != nil {
			c.why = verdict{reason: AllBusy}
			return l
		}
	}
	l, _ := h.charge(a.at, now) // of one that is closed
	return l
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
