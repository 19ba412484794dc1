package connpool

import (
	"time"

	"github.com/warmconn/warmconn/internal/loss"
)

// demand is what a host has needed of late. Its mutex guards it.
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

// resetDecay is for a host without connections. What it keeps of a stock outlives
// them: a client of one request at a time has none between two.
func (d *demand) resetDecay() { d.peak, d.decayed = 0, time.Time{} }

// keptLocked is how many connections decay leaves: as many as were in use at once
// since the last one; 0 if there is none.
func (h *Host) keptLocked() int {
	if h.pool.opts.DecayEvery <= 0 {
		return 0
	}
	return max(h.demand.peak, h.pool.opts.DecayFloor, h.floorLocked())
}

// decayLocked returns how many idle connections are to be let go now: half of those
// that were not needed since it was last asked, so that what a burst has left goes
// fast, and the last ones slowly.
func (h *Host) decayLocked(now time.Time) int {
	d := h.pool.opts.DecayEvery
	if d <= 0 || now.Sub(h.demand.decayed) < d {
		return 0
	}
	surplus := h.conns.by[active] + h.conns.by[idle] - h.conns.http2 - h.keptLocked()
	h.demand.decayed, h.demand.peak = now, h.conns.by[active]
	return max(surplus+1, 0) / 2
}

// stock is how many connections are to be ready where a server closes them after a
// few requests and a new one is dear. Each request that found none would wait for a
// dial of its own: net/http starts one for each that finds none, and so has a stock
// of what it did not need by accident. Here a successor is dialed when a connection
// is lost, or its loss is announced, if less is ready or on its way than was needed
// at once lately and is lost while a dial takes. HTTP/1 only; over HTTP/2 one
// connection serves all.
//
// That they are needed is a guess, so it has a credit, as the window of a TCP sender
// is one: each that is used lets one more be made ahead, one that no request used halves
// it. A client that sends a burst now and then soon has none made ahead.
type stock struct {
	// uses is how many requests a connection has been serving until the server
	// ended it: a moving average, 0 if it ended none.
	uses float64
	// last is how many the last one has served, and same how many before it have
	// served as many.
	last, same int
	// need are the most exchanges at once, in the window that began then and in the
	// one before.
	need  [2]int
	began time.Time
	// doomed connections are in use, and the server has said that it ends them.
	doomed int
	// losses counts connections that the server ended; during is how many of them
	// fell in the time of one dial: a moving average.
	losses uint32
	during float64
	// ahead is how many successors no request has had yet, of at most credit.
	ahead, credit int
	skipped       int // successors not dialed since there was credit
}

const (
	// shortLived is the most requests that a connection serves for a stock to be
	// kept: above it one that finds none is rare.
	shortLived = 16
	// dearFrom is what a connection must cost for that. What costs less than a request
	// is made in its time, and on loopback that is all there is to save.
	dearFrom = 500 * time.Microsecond
	// needFor is how long a need counts: for that time at least, and twice that at
	// most.
	needFor = 500 * time.Millisecond
	// stockMost is the most connections ready or on their way, in parts of what was
	// needed at once.
	stockMost = 8
	// firstCredit is for a host where nothing was made ahead, and creditMost the most.
	firstCredit, creditMost = 2, 64
	// creditAgain is after how many losses a host without credit gets one again.
	creditAgain = 64
	// evidence is how many connections the server must have ended for any to be made
	// ahead: the first few may be a client's that comes and goes.
	evidence = 8
	// foreseen is how many connections must have ended after as many requests as the
	// one before.
	foreseen = 3
)

// shortLived reports whether the host's connections are.
func (s *stock) shortLived() bool {
	return s.losses >= evidence && s.uses < shortLived
}

// arriveLocked notes that n exchanges are there at once.
func (s *stock) arriveLocked(n int, now time.Time) {
	switch d := now.Sub(s.began); {
	case d >= 2*needFor:
		s.need, s.began = [2]int{}, now
	case d >= needFor:
		s.need, s.began = [2]int{0, s.need[0]}, now
	}
	s.need[0] = max(s.need[0], n)
}

// endedLocked notes that the server ends a connection that has served so many
// requests.
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

// dialedLocked notes that a dial has ended that began when there had been so many
// losses.
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

// Announced notes that the server ends the exchange's connection behind the
// response, which has said so. Its successor need not wait for that.
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

// foreseeLocked is Announced as the exchange begins: for a server that has ended its
// connections after so many requests each. Whether it does so again shows when the
// successor is used, and that is charged with it then.
func (c *Conn) foreseeLocked(e *Entry, now time.Time) {
	// One that serves a single request is a server's that keeps none: a burst's
	// successors would be as many as the burst.
	if s := &c.host.demand.stock; !c.http2 && c.uses > 1 && s.same >= foreseen && s.last == c.uses && !c.doomed {
		c.doomLocked(e, now)
	}
}

func (c *Conn) doomLocked(e *Entry, now time.Time) {
	c.doomed = true
	c.host.demand.stock.doomed++
	c.host.succeedLocked(c, e, now)
}

// succeedLocked dials successors of c, which the server ends behind the exchange e,
// that is, as many as are missing, and two at most.
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
	// What falls in the time of a dial varies, and a request that finds nothing ready
	// waits for a whole one: half as many again are for that.
	want := min(need+need/2+int(1.5*s.during+.25), stockMost*need)
	// One more than c lets the stock grow, and two for each loss do no harm.
	for range 2 {
		ready := h.conns.by[idle] + h.conns.by[active] + h.conns.by[draining] - s.doomed + h.conns.by[dialing]
		if ready >= want || !s.creditLocked() || h.fullLocked(e) {
			return
		}
		next := rt.dialLocked(nil, now)
		next.abandoned = now // who adopts it waits no longer than for another's
		next.ahead = true
		s.ahead++
	}
}
