package connpool

import (
	"time"

	"github.com/warmconn/warmconn/internal/loss"
)

// demand is how many connections a host has needed of late. The host's mutex guards it.
type demand struct {
	// peak is the most connections that were in use at once since decayed.
	peak     int
	decayed  time.Time
	warmedAt time.Time // when Warm was last called for the host

	stock stock
}

func (d *demand) usedLocked(h *Host) {
	d.peak = max(d.peak, h.conns.by[active])
}

// resetDecay is for a host that has no connection left. Its stock is not reset: a client of
// one request at a time has no connection between two requests.
func (d *demand) resetDecay() { d.peak, d.decayed = 0, time.Time{} }

// keptLocked is how many connections decay leaves: as many as were in use at once since the
// last decay; 0 without decay.
func (h *Host) keptLocked() int {
	if h.pool.opts.DecayEvery <= 0 {
		return 0
	}
	return max(h.demand.peak, h.pool.opts.DecayFloor, h.floorLocked())
}

// decayLocked returns how many idle connections are to be closed now: half of the ones that
// were not needed since the last decay. So most connections of a burst go fast, and the last
// ones slowly.
func (h *Host) decayLocked(now time.Time) int {
	d := h.pool.opts.DecayEvery
	if d <= 0 || now.Sub(h.demand.decayed) < d {
		return 0
	}
	surplus := h.conns.by[active] + h.conns.by[idle] - h.conns.http2 - h.keptLocked()
	h.demand.decayed, h.demand.peak = now, h.conns.by[active]
	return max(surplus+1, 0) / 2
}

// stock keeps connections ready to a server that closes each after a few requests, where a
// new one is dear. Without it a request that finds no connection would wait for a dial of
// its own. Bare net/http has some ready by accident: it dials for each request that finds no
// idle connection, and keeps the ones that it then does not need. Here a successor is dialed
// when a connection is lost, or when the server announces that it will be, if the
// connections that are ready or on their way are fewer than
//
//	the exchanges that were in flight at once lately, and half as many again,
//	and one and a half times the connections that are lost during one dial.
//
// This is for HTTP/1 only; over HTTP/2 one connection serves all requests.
//
// That a successor is needed is a guess. So there is a credit for them, like the window of
// a TCP sender: each successor that is used lets one more be made ahead, and one that no
// request used halves the credit. A client that sends a burst now and then soon has none
// made ahead.
type stock struct {
	// uses is how many requests a connection has been serving until the server
	// ended it: a moving average, 0 if it ended none.
	uses float64
	// last is how many requests the last connection has served, and same how many
	// connections in a row before it have served as many.
	last, same int
	// need is the most exchanges in flight at once, in the window that began at began and
	// in the window before.
	need  [2]int
	began time.Time
	// doomed is how many connections are in use that the server has said it will end.
	doomed int
	// losses counts connections that the server ended; during is how many of them
	// fell in the time of one dial: a moving average.
	losses uint32
	during float64
	// ahead is how many successors no request has had yet; at most credit.
	ahead, credit int
	skipped       int // successors not dialed since there was credit
}

const (
	// shortLived is the most requests that a connection serves for a stock to be kept: of
	// longer-lived connections, few requests find none.
	shortLived = 16
	// dearFrom is the least cost of a connection for a stock to be kept. A cheaper one is
	// made in about the time of a request: on loopback that is all there is to save.
	dearFrom = 500 * time.Microsecond
	// needFor is the least time for which a need counts; the most is twice that.
	needFor = 500 * time.Millisecond
	// stockMost is the most connections ready or on their way, as a multiple of the need.
	stockMost = 8
	// firstCredit is the credit of a host where nothing was made ahead, creditMost the most.
	firstCredit, creditMost = 2, 64
	// creditAgain is how many successors are not dialed for want of credit, before a host
	// gets a credit of one again.
	creditAgain = 64
	// evidence is how many connections the server must have ended before any is made ahead:
	// the first few say little, of a client that comes and goes.
	evidence = 8
	// foreseen is how many connections in a row must have ended after as many requests as
	// the one before, for the end of the next to be foreseen.
	foreseen = 3
)

// shortLived reports whether the server ends connections after a few requests.
func (s *stock) shortLived() bool {
	return s.losses >= evidence && s.uses < shortLived
}

// arriveLocked notes that n exchanges are in flight at once.
func (s *stock) arriveLocked(n int, now time.Time) {
	switch d := now.Sub(s.began); {
	case d >= 2*needFor:
		s.need, s.began = [2]int{}, now
	case d >= needFor:
		s.need, s.began = [2]int{0, s.need[0]}, now
	}
	s.need[0] = max(s.need[0], n)
}

// endedLocked notes that the server ends a connection after that many requests.
func (s *stock) endedLocked(uses int) {
	s.losses++
	if uses == s.last {
		s.same++
	} else {
		s.last, s.same = uses, 0
	}
	if s.uses == 0 {
		s.uses, s.credit = float64(uses), firstCredit
	}
	s.uses += (float64(uses) - s.uses) / 8
}

// dialedLocked notes the end of a dial. Losses is s.losses as the dial began.
func (s *stock) dialedLocked(losses uint32) {
	s.during += (float64(s.losses-losses) - s.during) / 4
}

// movedLocked follows c, a successor or doomed, along an edge of its life.
func (s *stock) movedLocked(c *Conn, to state) {
	if c.doomed && to != active && to != draining {
		c.doomed = false
		s.doomed--
		if to == idle {
			s.same = 0 // it lives on
		}
	}
	switch {
	case !c.ahead:
	case c.uses > 0:
		c.ahead = false
		s.ahead--
		s.credit = min(s.credit+1, creditMost)
	case to == closed:
		c.ahead = false
		s.ahead--
		s.credit /= 2
	}
}

// creditLocked reports whether one more may be made ahead.
func (s *stock) creditLocked() bool {
	if s.credit == 0 {
		if s.skipped++; s.skipped == creditAgain {
			s.credit, s.skipped = 1, 0
		}
	}
	return s.ahead < s.credit
}

// Announced notes that the response announces the end of its connection. A successor can be
// dialed at once, and need not wait for that end.
func (e *Entry) Announced() {
	c := e.conn
	if c == nil || c.http2 {
		return
	}
	h := c.host
	now := time.Now()
	h.mu.Lock()
	defer h.unlock()
	if c.user != e.id || c.state != active || c.doomed || !h.pool.keepsAlive(false) {
		return
	}
	if c.lost == nil {
		c.noteLocked(loss.ServerClose, e.Owner.Culprit(), now) // for the successor to be charged with
	}
	c.doomLocked(e, now)
}

// foreseeLocked is Announced when the exchange begins, for a server that has ended each of
// its last connections after as many requests. Whether it ends this one, too, shows when the
// successor is used: the successor is charged with the loss then.
func (c *Conn) foreseeLocked(e *Entry, now time.Time) {
	// A server that ends connections after a single request keeps none: a burst of requests
	// would have as many successors dialed.
	if s := &c.host.demand.stock; !c.http2 && c.uses > 1 && s.same >= foreseen && s.last == c.uses && !c.doomed {
		c.doomLocked(e, now)
	}
}

func (c *Conn) doomLocked(e *Entry, now time.Time) {
	c.doomed = true
	c.host.demand.stock.doomed++
	c.host.succeedLocked(c, e, now)
}

// succeedLocked dials successors of c, which the server ends after the exchange e: as many
// as the stock lacks, and two at most.
func (h *Host) succeedLocked(c *Conn, e *Entry, now time.Time) {
	s, rt := &h.demand.stock, c.route
	s.endedLocked(c.uses)
	if !s.shortLived() {
		return
	}
	cost, measured := h.worth.Cost(rt.hop)
	if measured == 0 || cost < dearFrom || rt.failed || h.pool.keepsNone() {
		return
	}
	need := max(s.need[0], s.need[1])
	// The losses during one dial vary, and a request that finds nothing ready waits for a
	// whole dial: hence half as many connections again.
	want := min(need+need/2+int(1.5*s.during+.25), stockMost*need)
	// Two, so that the stock can grow: one only takes c's place.
	for range 2 {
		ready := h.conns.by[idle] + h.conns.by[active] + h.conns.by[draining] - s.doomed + h.conns.by[dialing]
		if ready >= want || !s.creditLocked() || h.fullLocked(e) {
			return
		}
		next := rt.dialLocked(nil, now)
		next.abandoned = now // a request that adopts it waits no longer than for an abandoned dial
		next.ahead = true
		s.ahead++
	}
}
