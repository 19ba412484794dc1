package connpool

import (
	"slices"

	"github.com/warmconn/warmconn/internal/ledger"
)

// state is the state of a connection's life. Host.moveLocked is the only way along an edge,
// and edges lists them all.
//
//	             given to a request           body closed early
//	dialing ──────────────▶ active ──────────────────────▶ draining
//	   │  ╲                 ▲ │ │ ╲                        │  │  │
//	   │   ╲ no request     │ │ │  ╲ HTTP/2: age, uses,    │  │  │
//	   │    ╲ waits now     │ │ │   ╲ GOAWAY, close asked  │  │  │
//	   │     ╲──────────▶ idle◀╯ │    ▼                    │  │  │
//	   │                  │ ▲    │  goingAway              │  │  │
//	   │                  │ ╰────│────│────────────────────╯  │  │
//	   │ failed           ▼      ▼    ▼ last stream           │  │
//	   │               closing ◀─┴────┴───────────────────────╯  │
//	   ▼                  ▼                                      │
//	closed ◀──────────────┴─── net/http has closed it ◀──────────╯
type state uint8

const (
	// dialing: it is being dialed, or shakes hands. It can become idle, active,
	// closing or closed.
	dialing state = iota
	// idle: no exchange has it, and any request may be given it. It can become active,
	// closing or closed.
	idle
	// active: an exchange has it; over HTTP/2 at least one. It can become any of the states
	// below, idle again, or active for another exchange.
	active
	// draining: the body of its exchange was closed, and the rest of it is being
	// read. It can become idle, active, closing or closed.
	draining
	// goingAway, over HTTP/2 only: its streams go on, and it is given to no request any
	// more. It can become closing or closed.
	goingAway
	// closing: it is lost, and its socket is not closed yet. It still counts against the
	// limits. It can become closed.
	closing
	// closed is the end: the socket is closed, or belongs to the caller after a 101.
	closed

	states
)

func (s state) String() string {
	return [...]string{"dialing", "idle", "active", "draining", "going away", "closing", "closed"}[s]
}

// edges are the ways that a connection's life may take.
var edges = [states][states]bool{
	dialing:   {idle: true, active: true, closing: true, closed: true},
	idle:      {active: true, closing: true, closed: true},
	active:    {idle: true, active: true, draining: true, goingAway: true, closing: true, closed: true},
	draining:  {idle: true, active: true, closing: true, closed: true},
	goingAway: {closing: true, closed: true},
	closing:   {closed: true},
}

// moveLocked takes c along an edge, and the counts with it.
func (h *Host) moveLocked(c *Conn, to state) {
	from := c.state
	if h.pool.onEdge != nil {
		h.pool.onEdge(c, from, to)
	}
	h.countLocked(c, -1)
	c.state = to
	h.countLocked(c, +1)
	if c.ahead || c.doomed {
		h.demand.stock.movedLocked(c, to)
	}
	if from == to {
		return
	}
	if to >= goingAway {
		c.retiresNowLocked()
	}
	switch from {
	case idle:
		c.route.dropIdleLocked(c)
	case draining, goingAway:
		c.route.drains = without(c.route.drains, c)
	}
	switch to {
	case idle:
		c.route.addIdleLocked(c)
	case draining:
		c.route.drains = append(c.route.drains, c)
	case closed:
		c.listed.Remove()
		h.closedLocked(c)
		h.endedLocked()
		c.endedLocked()
	}
}

// addIdleLocked and dropIdleLocked keep the route's list of idle connections.
func (rt *route) addIdleLocked(c *Conn) {
	if c.http2 {
		return
	}
	rt.host.pool.idle.n.Add(1)
	if c.warmed && c.uses == 0 {
		// Below connections that have served: it is used when all others are busy.
		rt.idle = slices.Insert(rt.idle, 0, c)
		return
	}
	rt.idle = append(rt.idle, c)
}

func (rt *route) dropIdleLocked(c *Conn) {
	if c.http2 {
		return
	}
	rt.host.pool.idle.n.Add(-1)
	for i := len(rt.idle) - 1; i >= 0; i-- { // the last put back is the first taken
		if rt.idle[i] == c {
			copy(rt.idle[i:], rt.idle[i+1:])
			rt.idle[len(rt.idle)-1] = nil
			rt.idle = rt.idle[:len(rt.idle)-1]
			return
		}
	}
}

// countLocked adds c, n times, to the counts of its state.
func (h *Host) countLocked(c *Conn, n int) {
	h.conns.addLocked(c, n)
	if c.state != dialing && c.state != closed {
		c.route.open += n
	}
}

// usedLocked counts n uses of c: 1, or -1. The first use shows its protocol, by which it is
// counted.
func (c *Conn) usedLocked(n int) {
	if min(c.uses, c.uses+n) > 0 {
		c.uses += n
		return
	}
	c.host.countLocked(c, -1)
	c.uses += n
	c.host.countLocked(c, +1)
}

func (t *counts) addLocked(c *Conn, n int) {
	s := c.state
	t.by[s] += n
	if s == dialing || s == closed {
		return
	}
	if c.http2 {
		t.multiplexed += n
		if s == idle || s == active {
			t.http2 += n
		}
		if s == idle {
			t.http2Idle += n
		}
	}
	inUse := s == active || s == draining || s == goingAway
	v := c.version()
	x := &t.versions[v]
	x.Open += n
	if inUse {
		x.Active += n
	}
	if c.peer != "" {
		t.peers.Add(c.peer, v, inUse, n)
	}
}

func (c *Conn) version() ledger.Version {
	switch {
	case c.uses == 0:
		return ledger.Unspoken
	case c.http2:
		return ledger.HTTP2
	}
	return ledger.HTTP1
}
