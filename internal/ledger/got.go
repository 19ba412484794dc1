package ledger

import (
	"github.com/warmconn/warmconn/internal/loss"

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
	Shared  bool   // HTTP/2
	Reason  Reason // empty if reused
	Culprit Culprit
	Retire  Reason // why this exchange should be the connection's last, or empty
	// Of the dial; empty if reused.
	Setup    Setup
	Own      bool      // the exchange's own dial
	DialedBy Culprit   // whose it was otherwise
	Dialed   time.Time // when it began, if somebody watches

	Span *Span // of the connection's making: see SetSpan
	Held *Held

	free bool // nothing was to blame for the dial
}

// Got notes that the exchange was given nc. Reused is what httptrace says of
// it; shared that it speaks HTTP/2, which must be said of a new one.
func (u *Use) Got(nc net.Conn, reused, shared bool, now time.Time) Got {
	h := u.host
	c := h.ledger.find(nc)
	// In one piece: who looks in between would see the connection in use, and the
	// exchange still waiting for one, and dial for it.
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
	if c == nil {
		c = h.identify(nc, reused, now)
	}
	before := u.conn
	if before != nil && before != c && !u.put {
		// HTTP/2 tries another connection without asking again. It is given up once.
		u.conn = nil
		h.mu.Unlock()
		before.giveUp(u, now)
		h.mu.Lock()
	}
	var g Got
	if c.host == h {
		g = c.had(u, nc, before == c, reused, shared, now)
	} else {
		h.mu.Unlock()
		g = c.hadElsewhere(u, nc, before == c, reused, shared, now)
		h.mu.Lock()
	}
	began := c.dialed
	if !g.Reused && c.by == 0 {
		// Nobody watches the dialer. Net/http calls a connection reused that
		// another request has dialed; over HTTP/2 it does so only once it was
		// used, so there must have been no other request.
		g.Own = !reused && (!g.Shared || u.ask.others == 0)
		if !h.ledger.queues {
			began = u.ask.at
		}
	}
	h.served = true
	// What was put back before was another connection: somebody's request on
	// the way to this one, with our hooks in its context.
	u.conn, u.served, u.put, u.refused = c, true, false, ""
	u.answered()
	if !g.Reused && g.Own && !began.IsZero() {
		h.worth.Paid(u.addr, now.Sub(began))
	}
	if g.Shared && g.Reason == KeepAlivesOff {
		g.Reason = "" // it was dialed before its protocol was known
	}
	switch {
	case g.Reused:
	case g.Reason == "":
		a := u.ask
		if c.stray != nil {
			a = *c.stray // it was dialed then, and lay idle now
		} else {
			h.strike(u.ask, g.Shared)
		}
		w := h.verdict(a, now)
		g.Reason, g.Culprit = w.reason, w.culprit
	case g.Shared && g.free:
		if l := h.stead(u.ask, now); l != nil {
			g.Reason, g.Culprit = l.Reason, l.Culprit
		}
	}
	if g.Reason == AllBusy && g.Shared && c.first {
		g.Reason = First // whoever's dial it was
	}
	if !g.Reused && g.Shared && u.ask.shared {
		h.passed = u.ask.at
	}
	if g.Shared && c.host == h {
		g.Retire = u.dooms(c, now)
	}
	return g
}

// hadElsewhere is had for a connection of another host than the exchange's: HTTP/2's,
// or a proxy's.
func (c *Conn) hadElsewhere(u *Use, nc net.Conn, again, reused, shared bool, now time.Time) Got {
	c.host.mu.Lock()
	defer c.host.mu.Unlock()
	return c.had(u, nc, again, reused, shared, now)
}

// had gives c to the exchange u; again says that it has it already. The
// connection's host.mu is held.
func (c *Conn) had(u *Use, nc net.Conn, again, reused, shared bool, now time.Time) Got {
	h := c.host
	if !again {
		c.streams++
		h.use(c)
	}
	c.user, c.hadAt = u.id, now
	c.shaking.Store(false)
	c.first = c.first || !h.served
	h.served = true
	if shared || c.uses == 1 && reused && speaksHTTP2(nc) {
		h.share(c)
	}
	h.muxed = c.shared
	if c.shared && c.uses == 1 {
		h.sharedAt = now
	}
	if d := c.doom; d != nil && !again && (d.Reason == MaxAge || d.Reason == MaxRequests) {
		// Its last exchange gave up before it took it.
		h.count(c, -1)
		c.doom = nil
		h.count(c, +1)
	}
	if c.loss != nil {
		// It was written off and lives.
		h.losses.Withdraw(c.loss)
		c.loss = nil
	}
	if c.state == idle && c.watched {
		h.worth.Survived(now.Sub(c.idleAt))
	}
	if c.shared && u.Close {
		h.doom(c, &loss.Loss{At: now, Reason: ClientClose, Culprit: u.culprit()})
	}
	var why verdict
	if c.coming != nil {
		why = c.coming.why
	}
	h.become(c, active)
	g := Got{ConnID: c.ID, Age: now.Sub(c.opened), Uses: c.uses, Reused: c.uses > 1 || c.foreign, Shared: c.shared, Span: c.span, Held: c.hold(nc)}
	if !c.shared {
		g.Retire = u.retires(c, now)
	}
	if !reused && !c.watched && !again {
		// Net/http knows that this is the first to have it. Over HTTP/2 the hook
		// of another may come before this one.
		c.foreign, g.Reused, g.Uses = false, false, 1
	}
	if c.foreign {
		g.Uses, g.Age = 0, 0
	}
	if !g.Reused {
		g.Reason, g.Culprit = why.reason, why.culprit
		g.free = why.loss == nil && (why.reason == AllBusy || why.reason == Unknown)
		g.Setup, g.Own, g.Dialed = c.setup, c.by == u.id, c.dialed
		if !g.Own {
			g.DialedBy = c.dialer
		}
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

// SetSpan says which span stands for the making of the exchange's connection, for
// all who have it later.
func (u *Use) SetSpan(s Span) {
	c := u.given()
	if c != nil {
		c.host.mu.Lock()
		c.span = &s
		c.host.mu.Unlock()
	}
}

// speaksHTTP2 looks at the connection itself. Of requests that come at once, one
// is the first on it, and the hook of another may come before its own.
func speaksHTTP2(nc net.Conn) bool {
	tc, ok := nc.(*tls.Conn)
	return ok && tc.ConnectionState().NegotiatedProtocol == "h2"
}

// Share notes that the exchange's connection speaks HTTP/2, where that shows
// only in the response.
func (u *Use) Share() {
	c := u.given()
	if c != nil {
		c.host.mu.Lock()
		c.host.share(c)
		c.host.muxed = true
		c.host.mu.Unlock()
	}
}

// strike takes unwatched connections off the page when a request that asked for
// one of them got a new one: those that were idle are gone, nobody saw why. An
// HTTP/2 connection may only not fit, unless that is what the request got
// instead. h.mu is held.
func (h *Host) strike(a ask, shared bool) {
	for nc, c := range h.conns {
		if c.state == idle && a.idle > 0 && (shared || !c.shared) || c.state == closing && shared {
			h.become(c, gone)
			delete(h.conns, nc)
		}
	}
}
