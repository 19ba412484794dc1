package connpool

import (
	"time"

	"github.com/warmconn/warmconn/internal/loss"
)

// A level-4 balancer gives each connection to one backend, so what goes over one
// connection goes to one backend. MinHTTP2 and MaxStreams spread a host's streams over
// several connections:
//
//	MinHTTP2    a request that would share a connection, while fewer are open, has one more
//	            dialed. It does not wait for that: it takes the stream that is there.
//	MaxStreams  a connection with as many streams takes no more. A request that finds all
//	            so waits for a stream, or for one more connection that is dialed for it.
//
// Either has a request get the connection with the fewest streams: of equals the oldest, so
// that those that are not needed lie idle until IdleTimeout.
//
// MaxStreams gives way where another connection can't be had, because MaxConns forbids it,
// the last dial failed, or one hangs: bare net/http would have sent the request.

// spreads reports whether the streams of a host are spread over connections.
func (p *Pool) spreads() bool { return p.opts.MinHTTP2 > 0 || p.opts.MaxStreams > 0 }

// loadLocked is how many streams c has, those not opened yet among them. A body that has
// arrived holds none, though its exchange goes on.
func (c *Conn) loadLocked() int { return max(c.cc.InFlight(), c.streams-c.arrived) }

// capLocked is how many of the n streams that c has left, beside the in that it has, MaxStreams
// leaves.
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

// perConnLocked is how many streams a connection that is on its way will take, for those
// who wait.
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

// ownCapLocked reports whether MaxStreams is what a connection's streams come to, and not the
// server's limit, as far as that is known.
func (rt *route) ownCapLocked() bool {
	most := rt.host.pool.opts.MaxStreams
	return most > 0 && (rt.streams == 0 || most < rt.streams)
}

// fewLocked reports whether the route has fewer HTTP/2 connections that take streams, those
// on their way among them, than MinHTTP2 asks for.
func (rt *route) fewLocked() bool {
	return len(rt.shared)+len(rt.dials) < rt.host.pool.opts.MinHTTP2
}

// spreadLocked has one more connection dialed, for no request in particular, if c, which e
// was given, is shared and there are too few; or if it has more streams than MaxStreams
// because no other could be had. It is all_busy, or charged with a loss.
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

// succeededLocked reports whether the place of c is taken: by another connection with a
// stream left, or where streams are spread by the one that was dialed for it, for those of
// the others are needed. An HTTP/2 connection takes one request until the server's SETTINGS
// have come, so a new one takes no other's place before, unless they are late: then it is
// coming.
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

// announcedLocked has the successor of a busy connection dialed, of which the server has
// said that it takes no more streams. Where streams are not spread the next request dials:
// there may be none.
func (rt *route) announcedLocked(now time.Time) {
	if rt.host.pool.spreads() && len(rt.shared)+len(rt.dials) < max(rt.host.pool.opts.MinHTTP2, 1) {
		rt.dialAheadLocked(new(Entry), now) // MaxPerHost is not HTTP/2's
	}
}

// lookForGoAway has the connection looked at, where streams are spread, if what net/http has
// just read may have been a GOAWAY: no hook tells of one. It runs on net/http's reader, which
// holds no lock meanwhile.
func (c *netConn) lookForGoAway() {
	if o := c.owner.Load(); o != nil && o.host.pool.spreads() && o.cc.Available() == 0 {
		go o.stateChanged()
	}
}

// shareOutLocked gives w, whose dial has failed, and the others who wait, what streams there
// are beyond MaxStreams. It is false if w got none.
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
