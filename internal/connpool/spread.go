package connpool

import (
	"time"

	"github.com/warmconn/warmconn/internal/loss"
)

// A level-4 balancer gives each connection to one backend, so all requests on one connection
// go to one backend. MinHTTP2 and MaxStreams spread a host's streams over several
// connections:
//
//	MinHTTP2    while fewer connections are open, a request that shares one has one more
//	            dialed. It does not wait for that: it takes a stream that is free.
//	MaxStreams  a connection with that many streams takes no more. If all have that many,
//	            a request waits for a stream, or for a connection that is dialed for it.
//
// With either, a request gets the connection with the fewest streams; of several, the
// oldest: so connections that are not needed stay idle until IdleTimeout.
//
// MaxStreams gives way where another connection can't be had, because MaxConns forbids it,
// the last dial failed, or a dial hangs: bare net/http would have sent the request.

// spreads reports whether the streams of a host are spread over connections.
func (p *Pool) spreads() bool { return p.opts.MinHTTP2 > 0 || p.opts.MaxStreams > 0 }

// loadLocked is how many streams c has, with the ones that are not opened yet. A body that
// has arrived holds no stream, though its exchange goes on.
func (c *Conn) loadLocked() int { return max(c.cc.InFlight(), c.streams-c.arrived) }

// capLocked is how many more streams c may have: n by its server's limit, and fewer if
// MaxStreams is lower. In is how many streams it has.
func (c *Conn) capLocked(n, in int, now time.Time) int {
	most := c.host.pool.opts.MaxStreams
	if most <= 0 || n <= most-in || c.route.uncappedLocked(now) {
		return n
	}
	return most - in
}

// uncappedLocked reports whether MaxStreams gives way.
func (rt *route) uncappedLocked(now time.Time) bool {
	h := rt.host
	switch {
	case len(rt.shared) == 0:
		return false
	case rt.failed:
		return true
	case len(rt.dials) > 0:
		return now.Sub(rt.dials[0].dial.began) >= max(rt.promiseLocked(), promiseUnknown)
	}
	n := h.pool.opts.MaxConns
	return n > 0 && h.conns.open() >= n
}

// perConnLocked is how many streams a connection that is on its way will have, for the
// requests that wait.
func (rt *route) perConnLocked() int {
	per := rt.streams
	if per == 0 {
		per = initialStreams
	}
	if most := rt.host.pool.opts.MaxStreams; most > 0 {
		per = min(per, most)
	}
	return max(per, 1)
}

// ownCapLocked reports whether MaxStreams is lower than the server's limit of streams, as far
// as that is known.
func (rt *route) ownCapLocked() bool {
	most := rt.host.pool.opts.MaxStreams
	return most > 0 && (rt.streams == 0 || most < rt.streams)
}

// fewLocked reports whether the route has fewer HTTP/2 connections that take streams, with
// the ones on their way, than MinHTTP2 asks for.
func (rt *route) fewLocked() bool {
	return len(rt.shared)+len(rt.dials) < rt.host.pool.opts.MinHTTP2
}

// spreadLocked has one more connection dialed, for no request in particular, in two cases:
// c, which e was given, is shared, and there are fewer than MinHTTP2; or c has more streams
// than MaxStreams, because no other connection could be had. The new one's reason is
// all_busy, or a loss.
func (c *Conn) spreadLocked(e *Entry, now time.Time) {
	rt, o := c.route, &c.host.pool.opts
	over := o.MaxStreams > 0 && c.loadLocked() > o.MaxStreams && len(rt.dials) == 0
	if rt.fewLocked() && c.loadLocked() > 1 || over {
		rt.dialAheadLocked(e, now)
	}
}

// dialAheadLocked dials for no request in particular, unless the limit forbids it, or a
// dial has just failed.
func (rt *route) dialAheadLocked(e *Entry, now time.Time) {
	h := rt.host
	if !rt.passesOn() || h.pool.keepsNone() || rt.failed && now.Sub(rt.aheadAt) < replaceAgain || h.fullLocked(e) {
		return
	}
	rt.aheadAt = now
	rt.dialLocked(nil, now)
}

// succeededLocked reports whether another connection has taken the place of c: one with a
// stream left, or where streams are spread the one that was dialed for that, because the
// streams of the others are needed. A new HTTP/2 connection takes one request at a time
// until the server's SETTINGS have come. Before that it takes no other's place, unless the
// SETTINGS are late; coming says that there is such a new one.
func (c *Conn) succeededLocked(e *Entry, now time.Time) (yes, coming bool) {
	others := c.route.shared
	if c.host.pool.spreads() {
		if others = nil; c.successor != nil {
			others = []*Conn{c.successor}
		}
	}
	for _, other := range others {
		if other == c || other.state != idle && other.state != active || other.dueReason(e, now) != loss.None {
			continue
		}
		n := other.roomLocked(now)
		switch unsettled, late := other.unsettledLocked(now); {
		case unsettled && !late:
			coming = true
		case n > 0 || other == c.successor:
			return true, false
		}
	}
	return false, coming
}

// announcedLocked has the successor of a busy connection dialed, after the server has said
// that the connection takes no more streams. Where streams are not spread, the next request
// dials, if one comes.
func (rt *route) announcedLocked(now time.Time) {
	if rt.host.pool.spreads() && len(rt.shared)+len(rt.dials) < max(rt.host.pool.opts.MinHTTP2, 1) {
		rt.dialAheadLocked(new(Entry), now) // MaxPerHost is not HTTP/2's
	}
}

// lookForGoAway has the connection looked at, where streams are spread, if net/http may have
// just read a GOAWAY: no hook tells of one. It runs on net/http's reader, which holds no lock
// meanwhile.
func (c *netConn) lookForGoAway() {
	if o := c.owner.Load(); o != nil && o.host.pool.spreads() && o.cc.Available() == 0 {
		go o.stateChanged()
	}
}

// shareOutLocked gives the streams that connections have beyond MaxStreams to the requests
// that wait, and to w, whose dial has failed. It returns false if w got none.
func (rt *route) shareOutLocked(w *waiter, now time.Time) bool {
	if rt.host.pool.opts.MaxStreams <= 0 {
		return false
	}
	w.dial = nil
	rt.waiters.pushUndialed(w)
	for i := 0; i < len(rt.shared); i++ {
		c := rt.shared[i]
		rt.shareLocked(c, now)
		if i < len(rt.shared) && rt.shared[i] != c {
			i--
		}
	}
	return !w.queued()
}
