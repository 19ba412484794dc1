package ledger

import (
	"crypto/tls"
	"net"
	"time"
)

// Got is what there is to say of the connection that an exchange was given.
type Got struct {
	ConnID  uint64
	Age     time.Duration
	Uses    int // this one included; 0 if it was in use before the ledger saw it
	Reused  bool
	HTTP2   bool    // HTTP/2, or 3
	Reason  Reason  // empty if reused
	Culprit Culprit // likewise
	Own     bool    // it is new, and the exchange's own dial

	Span    *Span // of the connection's making: see SetSpan
	NetConn *NetConn
}

// GotConn notes that the exchange was given nc. Reused is what httptrace says of
// it; shared that it speaks HTTP/2, which must be said of a new one.
func (e *Entry) GotConn(nc net.Conn, reused, shared bool, now time.Time) Got {
	h := e.host
	h.mu.Lock()
	defer h.mu.Unlock()
	if e.ended {
		return Got{}
	}
	if e.atGetConn.at.IsZero() {
		// Over HTTP/2 the request for which net/http finds a connection that has
		// just been dialed for another one is not heard to ask.
		e.atGetConn = h.snapshotLocked(now)
	}
	c := h.identifyLocked(e, nc, reused, now)
	if c.quic {
		// Net/http tells the dial's own request that it is new, quic-go all who have
		// waited for it: the first of them it is new to.
		reused, shared = reused || c.uses > 0 && !c.predates, true
	}
	before := e.conn
	if before != nil && before != c && e.phase != returned {
		// HTTP/2 tries another connection without asking again.
		before.takeBackLocked(e, now)
	}
	g := h.givesLocked(c, e, nc, before == c, reused, shared, now)
	// What was put back before was another connection: somebody's request on
	// the way to this one, with our hooks in its context.
	e.conn = c
	e.moveLocked(holding)
	if g.Reused {
		return g
	}
	// Net/http calls a connection reused that another request has dialed; over
	// HTTP/2 it does so only once it was used, so there must have been no other
	// request.
	g.Own = !reused && (!g.HTTP2 || e.atGetConn.others == 0)
	if g.Own && !h.ledger.queues {
		h.worth.Paid(e.addr, now.Sub(e.atGetConn.at))
	}
	a := e.atGetConn
	if c.raceLoser != nil {
		a = *c.raceLoser // it was dialed then, and lay idle now
	} else {
		h.dropStaleLocked(e.atGetConn, g.HTTP2)
	}
	g.Reason, g.Culprit = h.verdictLocked(a, now)
	if g.Reason == AllBusy && g.HTTP2 && c.first {
		g.Reason = First // whoever's dial it was
	}
	return g
}

// givesLocked gives c to the exchange u; again says that it has it already.
func (h *Host) givesLocked(c *Conn, u *Entry, nc net.Conn, again, reused, shared bool, now time.Time) Got {
	if !again {
		c.streams++
		h.useLocked(c)
	}
	c.user = u.id
	c.first = c.first || !h.served
	h.served = true
	if shared || c.uses == 1 && reused && speaksHTTP2(nc) {
		h.shareLocked(c)
	}
	h.lastHTTP2 = c.http2
	h.foundLocked(c) // it may have been written off
	if c.http2 && u.Close {
		u.goesAwayLocked(c, ClientClose, now)
	}
	h.moveLocked(c, active)
	if !reused && !again {
		// Net/http knows that this is the first to have it. Over HTTP/2 the hook
		// of another may come before this one.
		c.predates = false
		return Got{ConnID: c.ID, Age: now.Sub(c.opened), Uses: 1, HTTP2: c.http2, Span: c.span, NetConn: c.netConnLocked(nc)}
	}
	g := Got{ConnID: c.ID, HTTP2: c.http2, Reused: c.uses > 1 || c.predates, Span: c.span, NetConn: c.netConnLocked(nc)}
	if !c.predates {
		g.Age, g.Uses = now.Sub(c.opened), c.uses
	}
	return g
}

// useLocked counts one more use of c: with the first its protocol shows.
func (h *Host) useLocked(c *Conn) {
	if c.uses > 0 {
		c.uses++
		return
	}
	h.counts.addLocked(c, -1)
	c.uses++
	h.counts.addLocked(c, +1)
}

// speaksHTTP2 looks at the connection itself. Of requests that come at once, one
// is the first on it, and the hook of another may come before its own.
func speaksHTTP2(nc net.Conn) bool {
	tc, ok := nc.(*tls.Conn)
	return ok && tc.ConnectionState().NegotiatedProtocol == "h2"
}

// dropStaleLocked takes connections off the page when a request that asked for one of
// them got a new one: those that were idle are gone, no hook told why. An HTTP/2 connection
// may only not fit, unless that is what the request got instead.
func (h *Host) dropStaleLocked(a snapshot, shared bool) {
	for nc, c := range h.conns {
		if c.state == idle && a.idle > 0 && (shared || !c.http2) || c.state == closing && shared {
			h.moveLocked(c, gone)
			delete(h.conns, nc)
		}
	}
}
