package connpool

import (
	"time"

	"github.com/warmconn/warmconn/internal/loss"
)

// phase is the stage of an exchange at the Pool. Entry.moveLocked is the only way along an
// edge, and entryEdges lists them all.
//
//	        needs a connection             is given one
//	outside ─────────────────▶ waiting ───────────────────▶ given
//	  │ ▲                       │ │ ▲    can't be used, or    │ │
//	  │ │ by another Host:      │ │ │    is to be sent again  │ │
//	  │ ╰──── a proxy ──────────╯ │ ╰─────────────────────────╯ │
//	  │                           │                             │ End
//	  │ End                   End ▼                             ▼
//	  ╰────────────────────────▶ over ◀──────────────────── given ───▶ returned
type phase uint8

const (
	// outside: no host counts it.
	outside phase = iota
	// waiting: its host counts it, and it has no connection: at first, and between two
	// tries.
	waiting
	// given: it has a connection, on which its request is sent and its response read.
	given
	// over: it has ended, and its connection, if it had one, did not go back, or is
	// HTTP/2's. The end.
	over
	// returned: it has ended, and its connection went back. The end.
	returned

	phases
)

func (p phase) String() string {
	return [...]string{"outside", "waiting", "given", "over", "returned"}[p]
}

// counted: its host counts the exchange in inFlight.
func (p phase) counted() bool { return p == waiting || p == given }

// ended: End was called.
func (p phase) ended() bool { return p >= over }

var entryEdges = [phases][phases]bool{
	outside: {waiting: true, over: true},
	waiting: {outside: true, given: true, over: true},
	given:   {waiting: true, over: true, returned: true},
}

// moveLocked takes the exchange along an edge. The lock is its host's.
func (e *Entry) moveLocked(to phase) {
	if e.pool.onEntryEdge != nil {
		e.pool.onEntryEdge(e.phase, to)
	}
	e.phase = to
}

// enterLocked has the host count the exchange, which goes by rt.
func (e *Entry) enterLocked(rt *route, now time.Time) {
	h := e.host
	e.moveLocked(waiting)
	h.inFlight++
	if h.firstUse.IsZero() {
		h.firstUse = now
	}
	if e.Exempt {
		h.exempt++
	}
	if !h.lastUse.IsZero() { // else no connection can have idled out
		h.worth.Arrives(h.inFlight > 1, rt.server.withinLocked(e.pool.opts.IdleTimeout, now), now)
	}
	if h.demand.stock.shortLived() {
		h.demand.stock.arriveLocked(h.inFlight, now)
	}
}

// giveLocked gives c to the exchange, and takeBackLocked takes its connection back.
func (e *Entry) giveLocked(c *Conn) {
	e.moveLocked(given)
	e.conn = c
}

func (e *Entry) takeBackLocked() {
	e.moveLocked(waiting)
	e.conn = nil
}

// leave takes the exchange, which has no connection, out of its host's count.
func (e *Entry) leave(now time.Time) {
	if e.phase == outside {
		return
	}
	h := e.host
	h.mu.Lock()
	defer h.unlock()
	e.moveLocked(outside)
	e.uncountLocked(now)
}

// uncountLocked has the host, which has counted the exchange, count it no more.
func (e *Entry) uncountLocked(now time.Time) {
	h := e.host
	h.inFlight--
	h.lastUse = now
	if e.Exempt {
		h.exempt--
		h.fillLocked(now)
	}
	h.worth.Ended(now)
}

// Returned reports whether the exchange's connection can be used again: before End as far
// as that can be seen, and exactly after it. Refused is always empty here.
func (e *Entry) Returned() (yes bool, refused loss.Reason) {
	c := e.conn
	switch {
	case c == nil:
		return false, loss.None
	case e.phase.ended(), c.http2:
		return e.phase == returned, loss.None
	}
	return c.reusable(), loss.None
}

// reusable reports whether net/http has come to the end of the response and keeps
// the connection, over HTTP/1, and no Abort is about to close it.
func (c *Conn) reusable() bool {
	// While net/http closes the socket, Available waits for that.
	return !c.aborted.Load() && c.cc.Err() == nil && (c.raw == nil || !c.raw.closing.Load()) && c.cc.Available() > 0
}

// End ends the exchange. Cause is why its connection is lost, as far as the exchange can
// say; empty if nothing speaks against the connection. Provisional says that net/http may
// still bring it back by itself. End returns the reason for which the connection is lost:
// empty if it went back, and then back is true, or over HTTP/2 lives on.
func (e *Entry) End(cause loss.Reason, provisional bool, now time.Time) (lost loss.Reason, back bool) {
	h := e.host
	if h == nil || e.phase.ended() {
		return cause, false
	}
	c := e.conn
	// This is asked without the lock: over TLS a Close may block before it comes to the
	// socket, and Available waits for it.
	reusable := c != nil && !c.http2 && c.reusable()
	whole := c != nil && c.http2 && e.Owner.Whole()
	h.mu.Lock()
	defer h.unlock()
	if e.phase.counted() {
		e.uncountLocked(now)
	}
	switch {
	case c != nil && c.http2:
		lost = c.streamEndedLocked(e, cause, whole, now)
	case c != nil:
		lost, back = c.exchangeEndedLocked(e, cause, provisional, reusable, now)
	case e.lost != nil:
		lost = e.lost.Reason
	}
	if back {
		e.moveLocked(returned)
	} else {
		e.moveLocked(over)
	}
	return lost, back
}
