package ledger

import (
	"crypto/tls"
	"net"
	"time"
)

// Got describes the connection that an exchange was given.
type Got struct {
	ConnID  uint64
	Age     time.Duration
	Uses    int // this one included; 0 if it was in use before the ledger saw it
	Reused  bool
	HTTP2   bool    // HTTP/2, or 3
	Reason  Reason  // why it is new; empty if reused
	Culprit Culprit // likewise
	Own     bool    // it is new, and the exchange's own dial

	Span    *Span // of the connection's making: see SetSpan
	NetConn *NetConn
}

// GotConn is for httptrace's hook of that name: the exchange was given nc. Reused is
// GotConnInfo.Reused; shared says that nc speaks HTTP/2, and must be right for a new
// connection.
func (e *Entry) GotConn(nc net.Conn, reused, shared bool, now time.Time) Got {
	h := e.host
	h.mu.Lock()
	defer h.mu.Unlock()
	if e.ended {
		return Got{}
	}
	if e.atGetConn.at.IsZero() {
		// Over HTTP/2 net/http may serve a request with a connection that was just
		// dialed for another one, and calls no GetConn for it.
		e.atGetConn = h.snapshotLocked(now)
	}
	c := h.identifyLocked(e, nc, reused, now)
	if c.quic {
		// Net/http calls a connection new to the one request that dialed it, quic-go to
		// all requests that waited for it: here it is new to the first of them.
		reused, shared = reused || c.uses > 0 && !c.predates, true
	}
	before := e.conn
	if before != nil && before != c && e.phase != returned {
		// Over HTTP/2 net/http tries another connection without a GetConn.
		before.takeBackLocked(e, now)
	}
	g := h.givesLocked(c, e, nc, before == c, reused, shared, now)
	// If one was put back before, that was another connection: of a request that a
	// middleware has sent on the way to this one, with its hooks in the context.
	e.conn = c
	e.moveLocked(holding)
	if g.Reused {
		return g
	}
	// Over HTTP/1 net/http calls a connection reused if another request has dialed it. Over
	// HTTP/2 it does so only once the connection was used: there the dial is certainly the
	// exchange's own only if no other was in flight.
	g.Own = !reused && (!g.HTTP2 || e.atGetConn.others == 0)
	if g.Own && !h.ledger.queues {
		h.worth.Paid(e.addr, now.Sub(e.atGetConn.at))
	}
	a := e.atGetConn
	if c.raceLoser != nil {
		a = *c.raceLoser // it was dialed at that time, and was idle since
	} else {
		h.dropStaleLocked(e.atGetConn, g.HTTP2)
	}
	g.Reason, g.Culprit = h.verdictLocked(a, now)
	if g.Reason == AllBusy && g.HTTP2 && c.first {
		g.Reason = First // no matter which request's dial it was
	}
	return g
}

// givesLocked gives c to the exchange u. Again says that u has c already.
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
	h.foundLocked(c) // it may have been believed lost
	if c.http2 && u.Close {
		u.goesAwayLocked(c, ClientClose, now)
	}
	h.moveLocked(c, active)
	if !reused && !again {
		// Net/http knows that this exchange is the first to have the connection. Over
		// HTTP/2 another exchange's hook may be called before this one's.
		c.predates = false
		return Got{ConnID: c.ID, Age: now.Sub(c.opened), Uses: 1, HTTP2: c.http2, Span: c.span, NetConn: c.netConnLocked(nc)}
	}
	g := Got{ConnID: c.ID, HTTP2: c.http2, Reused: c.uses > 1 || c.predates, Span: c.span, NetConn: c.netConnLocked(nc)}
	if !c.predates {
		g.Age, g.Uses = now.Sub(c.opened), c.uses
	}
	return g
}

// useLocked counts one more use of c. The first use also changes the protocol under which
// c is counted.
func (h *Host) useLocked(c *Conn) {
	if c.uses > 0 {
		c.uses++
		return
	}
	h.counts.addLocked(c, -1)
	c.uses++
	h.counts.addLocked(c, +1)
}

// speaksHTTP2 asks the connection itself. When several requests share a new connection,
// the first that the ledger hears of need not be the one to which net/http calls it new.
func speaksHTTP2(nc net.Conn) bool {
	tc, ok := nc.(*tls.Conn)
	return ok && tc.ConnectionState().NegotiatedProtocol == "h2"
}

// dropStaleLocked forgets idle connections when a request, which asked while they were
// idle, was given a new one instead: they are gone, and no hook told why. An idle HTTP/2
// connection proves gone only if the new one speaks HTTP/2, too: else it may not have
// suited the request.
func (h *Host) dropStaleLocked(a snapshot, shared bool) {
	for nc, c := range h.conns {
		if c.state == idle && a.idle > 0 && (shared || !c.http2) || c.state == closing && shared {
			h.moveLocked(c, gone)
			delete(h.conns, nc)
		}
	}
}
