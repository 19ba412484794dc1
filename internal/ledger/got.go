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
	Shared  bool    // HTTP/2
	Reason  Reason  // empty if reused
	Culprit Culprit // likewise
	Own     bool    // it is new, and the exchange's own dial

	Span *Span // of the connection's making: see SetSpan
	Held *Held
}

// Got notes that the exchange was given nc. Reused is what httptrace says of
// it; shared that it speaks HTTP/2, which must be said of a new one.
func (u *Use) Got(nc net.Conn, reused, shared bool, now time.Time) Got {
	h := u.host
	h.mu.Lock()
	defer h.mu.Unlock()
	if u.ended {
		return Got{}
	}
	if u.ask.at.IsZero() {
		// Over HTTP/2 the request for which net/http finds a connection that has
		// just been dialed for another one is not heard to ask.
		u.ask = h.ask(now)
	}
	c := h.identify(nc, reused, now)
	before := u.conn
	if before != nil && before != c && !u.put {
		// HTTP/2 tries another connection without asking again.
		before.giveUp(u, now)
	}
	g := h.gives(c, u, nc, before == c, reused, shared, now)
	// What was put back before was another connection: somebody's request on
	// the way to this one, with our hooks in its context.
	u.conn, u.put, u.refused = c, false, ""
	u.answered()
	if g.Reused {
		return g
	}
	// Net/http calls a connection reused that another request has dialed; over
	// HTTP/2 it does so only once it was used, so there must have been no other
	// request.
	g.Own = !reused && (!g.Shared || u.ask.others == 0)
	if g.Own && !h.ledger.queues {
		h.worth.Paid(u.addr, now.Sub(u.ask.at))
	}
	a := u.ask
	if c.stray != nil {
		a = *c.stray // it was dialed then, and lay idle now
	} else {
		h.strike(u.ask, g.Shared)
	}
	g.Reason, g.Culprit = h.verdict(a, now)
	if g.Reason == AllBusy && g.Shared && c.first {
		g.Reason = First // whoever's dial it was
	}
	return g
}

// gives gives c to the exchange u; again says that it has it already. h.mu is held.
func (h *Host) gives(c *Conn, u *Use, nc net.Conn, again, reused, shared bool, now time.Time) Got {
	if !again {
		c.streams++
		h.use(c)
	}
	c.user = u.id
	c.first = c.first || !h.served
	h.served = true
	if shared || c.uses == 1 && reused && speaksHTTP2(nc) {
		h.share(c)
	}
	h.muxed = c.shared
	h.found(c) // it may have been written off
	if c.shared && u.Close {
		u.endsWithStreams(c, ClientClose, now)
	}
	h.become(c, active)
	if !reused && !again {
		// Net/http knows that this is the first to have it. Over HTTP/2 the hook
		// of another may come before this one.
		c.foreign = false
		return Got{ConnID: c.ID, Age: now.Sub(c.opened), Uses: 1, Shared: c.shared, Span: c.span, Held: c.hold(nc)}
	}
	g := Got{ConnID: c.ID, Shared: c.shared, Reused: c.uses > 1 || c.foreign, Span: c.span, Held: c.hold(nc)}
	if !c.foreign {
		g.Age, g.Uses = now.Sub(c.opened), c.uses
	}
	return g
}

// use counts one more use of c: with the first its protocol shows. h.mu is held.
func (h *Host) use(c *Conn) {
	if c.uses > 0 {
		c.uses++
		return
	}
	h.count(c, -1)
	c.uses++
	h.count(c, +1)
}

// speaksHTTP2 looks at the connection itself. Of requests that come at once, one
// is the first on it, and the hook of another may come before its own.
func speaksHTTP2(nc net.Conn) bool {
	tc, ok := nc.(*tls.Conn)
	return ok && tc.ConnectionState().NegotiatedProtocol == "h2"
}

// strike takes connections off the page when a request that asked for one of them
// got a new one: those that were idle are gone, nobody saw why. An HTTP/2 connection
// may only not fit, unless that is what the request got instead. h.mu is held.
func (h *Host) strike(a ask, shared bool) {
	for nc, c := range h.conns {
		if c.state == idle && a.idle > 0 && (shared || !c.shared) || c.state == closing && shared {
			h.become(c, gone)
			delete(h.conns, nc)
		}
	}
}
