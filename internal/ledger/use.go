package ledger

import (
	"crypto/tls"
	"net"
	"time"
)

// Use is one exchange's line in the ledger. Its zero value is ready for Begin.
// Methods are safe for concurrent use: hooks come from net/http's goroutines,
// also after the end.
type Use struct {
	// Who is to blame if this exchange costs a connection. Set before End.
	Culprit Culprit
	// Exempt says that the limit of connections does not count this exchange.
	// Set before Begin.
	Exempt bool
	// Close says that the request asks for the end of its connection. Set
	// before Begin.
	Close bool
	// Apart says that middlewares of others stand between this exchange and
	// net/http: several there may be this one. Set before Begin.
	Apart bool

	id   uint64
	host *Host

	// Guarded by host.mu.
	conn   *Conn
	ask    ask
	addr   string
	asking bool
	spare  bool // there was a connection to be had when it began
	served bool // it has a connection: a dial of its own is not needed any more
	ended  bool
	put    bool
	err    error // PutIdleConn's
}

// Got is what there is to say of the connection that an exchange was given.
type Got struct {
	ConnID  uint64
	Age     time.Duration
	Uses    int // this one included; 0 if it was in use before the ledger saw it
	Reused  bool
	Shared  bool   // HTTP/2
	Reason  Reason // empty if reused
	Culprit Culprit
	// Of the dial; empty if reused.
	Setup    Setup
	Own      bool    // the exchange's own dial
	DialedBy Culprit // whose it was otherwise

	free bool // nothing was to blame for the dial
}

// Begin enters the exchange. It must be followed by one End.
func (l *Ledger) Begin(u *Use, key Key) {
	u.id = l.uses.Add(1)
	u.host = l.host(key, func(h *Host) {
		h.inflight++
		if u.Exempt {
			h.exempt++
		}
		h.worth.arrives(h.inflight > 1, h.ledger.idleTimeout, time.Now())
		u.spare = h.idle > 0 || h.muxed && h.open > 0
		h.wake()
	})
}

// MayDial reports whether the exchange, which has just begun, will probably
// dial. Direct says that the base is net/http's own; another one may have no
// connections at all.
func (u *Use) MayDial(direct bool) bool {
	return !u.spare && (direct || u.id == 1 || u.host.ledger.asked.Load())
}

// Handshaken notes how long the TLS handshake of a dial for u took.
func (u *Use) Handshaken(took time.Duration) {
	h := u.host
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, c := range h.coming {
		if c.use == u.id && c.conn != nil {
			c.conn.setup.TLS = took
		}
	}
}

// Host is the name of the host that the exchange went to.
func (u *Use) Host() string { return u.host.name }

// Ask notes that the exchange asks net/http for a connection, at addr: a
// proxy's if there is one. It may come more than once: net/http tries again
// when a reused connection turns out dead.
func (u *Use) Ask(addr string, now time.Time) {
	u.host.mu.Lock()
	if u.ended {
		u.host.mu.Unlock()
		return
	}
	c, put := u.conn, u.put
	u.conn, u.put, u.err, u.served = nil, false, nil, false
	u.host.mu.Unlock()

	if c != nil && !put {
		c.giveUp(u, now)
	}

	u.host.mu.Lock()
	defer u.host.mu.Unlock()
	if u.ended {
		return
	}
	if l := u.host.ledger; !l.asked.Load() {
		l.asked.Store(true)
	}
	u.ask, u.addr = u.host.ask(now), addr
	if !u.asking {
		u.asking = true
		u.host.askers++
	}
}

// giveUp takes a connection back from an exchange that net/http sends over
// another one. Over HTTP/1 it does so when a reused connection turns out dead:
// the server had closed it.
func (c *Conn) giveUp(u *Use, now time.Time) {
	h := c.host
	h.mu.Lock()
	defer h.mu.Unlock()
	if c.shared {
		h.leave(c)
		return
	}
	if c.user != u.id || c.loss != nil {
		return
	}
	if c.uses > 1 || c.foreign || c.stray != nil {
		c.loss = &loss{at: now, reason: ServerClosedIdle}
		if u.Apart {
			c.loss.reason = Unknown // a retrier's attempt, perhaps
		}
		h.lose(c.loss)
	}
	// Net/http gives no new connection up: it was somebody else's, with our
	// hooks in its context, and nobody tells what became of it.
	h.release(c)
}

// leave takes one exchange off a connection that goes on. h.mu is held.
func (h *Host) leave(c *Conn) {
	if c.streams > 0 {
		c.streams--
	}
	if c.streams == 0 && c.eof && c.loss != nil && c.loss.reason == Unknown {
		c.loss.reason = ServerClosedIdle // nobody was the worse for it
	}
	if c.streams > 0 || c.state != active {
		return
	}
	if c.doom != nil {
		h.release(c)
		return
	}
	if !c.watched && c.key == nil {
		h.become(c, gone) // it could not be told again
		return
	}
	h.become(c, idle)
}

// release is the end of a lost connection: a watched one reports its own close,
// an unwatched one is believed to be gone. h.mu is held.
func (h *Host) release(c *Conn) {
	if c.watched {
		h.become(c, closing)
		return
	}
	h.become(c, gone)
	if c.key != nil {
		delete(h.conns, c.key)
	}
}

// Got notes that the exchange was given nc. Reused is what httptrace says of
// it; shared that it speaks HTTP/2, which must be said of a new one.
func (u *Use) Got(nc net.Conn, reused, shared bool, now time.Time) Got {
	h := u.host
	h.mu.Lock()
	ended, before, put := u.ended, u.conn, u.put
	if u.ask.at.IsZero() {
		// Over HTTP/2 the request for which net/http finds a connection that has
		// just been dialed for another one is not heard to ask.
		u.ask = h.ask(now)
	}
	h.mu.Unlock()
	if ended {
		return Got{}
	}
	c := h.ledger.find(nc)
	if c == nil {
		c = h.identify(nc, reused, now)
	}
	if before != nil && before != c && !put {
		// HTTP/2 tries another connection without asking again.
		before.giveUp(u, now)
	}
	g := c.had(u, nc, before == c, reused, shared, now)
	began := c.dialed
	if !g.Reused && c.by == 0 {
		// Nobody watches the dialer. Net/http calls a connection reused that
		// another request has dialed; over HTTP/2 it does so only once it was
		// used, so there must have been no other request.
		h.mu.Lock()
		g.Own = !reused && (!g.Shared || u.ask.others == 0)
		if !h.ledger.queues {
			began = u.ask.at
		}
		h.mu.Unlock()
	}

	h.mu.Lock()
	defer h.mu.Unlock()
	h.served = true
	// What was put back before was another connection: somebody's request on
	// the way to this one, with our hooks in its context.
	u.conn, u.served, u.put, u.err = c, true, false, nil
	u.answered()
	if !g.Reused && g.Own && !began.IsZero() {
		h.worth.paid(u.addr, now.Sub(began))
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
			h.forget(u.ask, g.Shared)
		}
		w := h.verdict(a, now)
		g.Reason, g.Culprit = w.reason, w.culprit
	case g.Shared && g.free:
		if l := h.stead(u.ask, now); l != nil {
			g.Reason, g.Culprit = l.reason, l.culprit
		}
	}
	if g.Reason == AllBusy && g.Shared && c.first {
		g.Reason = First // whoever's dial it was
	}
	if !g.Reused && g.Shared && u.ask.shared {
		h.passed = u.ask.at
	}
	return g
}

// had gives c to the exchange u; again says that it has it already.
func (c *Conn) had(u *Use, nc net.Conn, again, reused, shared bool, now time.Time) Got {
	h := c.host
	h.mu.Lock()
	defer h.mu.Unlock()
	if !again {
		c.uses++
		c.streams++
	}
	c.user, c.hadAt = u.id, now
	c.first = c.first || !h.served
	h.served = true
	if shared || c.uses == 1 && reused && speaksHTTP2(nc) {
		h.share(c)
	}
	h.muxed = c.shared
	if c.loss != nil {
		// It was written off and lives.
		h.withdraw(c.loss)
		c.loss = nil
	}
	if c.state == idle && c.watched {
		h.worth.survived(now.Sub(c.idleAt))
	}
	if c.shared && u.Close {
		// Net/http gives it to nobody from now on, and closes it when its
		// streams have ended.
		c.doom = &loss{at: now, reason: ClientClose, culprit: u.Culprit}
		c.loss = c.doom
		h.lose(c.loss)
	}
	var why verdict
	if c.coming != nil {
		why = c.coming.why
	}
	h.become(c, active)
	g := Got{ConnID: c.ID, Age: now.Sub(c.opened), Uses: c.uses, Reused: c.uses > 1 || c.foreign, Shared: c.shared}
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
		g.Setup, g.Own = c.setup, c.by == u.id
		if !g.Own {
			g.DialedBy = c.dialer
		}
	}
	return g
}

// BeforeRead has f called before the exchange's connection is read next: what
// net/http has in its buffer comes without. It returns the connection, for
// Unread; nil, and f is never called, where nobody watches, or the connection went back already.
func (u *Use) BeforeRead(f *func()) *Conn {
	u.host.mu.Lock()
	c, put := u.conn, u.put
	u.host.mu.Unlock()
	// A connection that went back may be in another exchange's hands, and have
	// its f: a gzip body may be at its end before its caller is.
	if c == nil || !c.watched || put {
		return nil
	}
	c.before.Store(f)
	return c
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
	u.host.mu.Lock()
	c := u.conn
	u.host.mu.Unlock()
	if c != nil {
		c.host.mu.Lock()
		c.host.share(c)
		c.host.muxed = true
		c.host.mu.Unlock()
	}
}

// forget strikes unwatched connections off when a request that asked for one of
// them got a new one: those that were idle are gone, nobody saw why. An HTTP/2
// connection may only not fit, unless that is what the request got instead. h.mu
// is held.
func (h *Host) forget(a ask, shared bool) {
	for nc, c := range h.conns {
		if c.state == idle && a.idle > 0 && (shared || !c.shared) || c.state == closing && shared {
			h.become(c, gone)
			delete(h.conns, nc)
		}
	}
}

// answered ends the wait for a connection. u.host.mu is held.
func (u *Use) answered() {
	if u.asking {
		u.asking = false
		u.host.askers--
	}
	u.host.dismiss(u)
}
