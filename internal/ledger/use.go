package ledger

import (
	"time"
)

// Use is one exchange's line in the ledger. Its zero value is ready for Begin.
// Methods are safe for concurrent use: hooks come from net/http's goroutines,
// also after the end.
type Use struct {
	// Of is the exchange itself; nil if nobody wants to know. Set before Begin.
	Of Exchange
	// MaxAge and MaxUses say when a connection is to be retired by the exchange
	// that has it: from that age on, less its own part of a tenth, or with that
	// many uses. 0: never. Set before Begin, and only by who can do it.
	MaxAge  time.Duration
	MaxUses int32
	// MaxConns is the most connections to this host over HTTP/1; 0 means no
	// limit but the number of requests in flight. Set before Begin.
	MaxConns int32
	// Exempt says that the limit of connections does not count this exchange.
	// Set before Begin.
	Exempt bool
	// Close says that the request asks for the end of its connection. Set
	// before Begin.
	Close bool
	// Apart says that middlewares of others stand between this exchange and
	// net/http: several there may be this one. Set before Begin.
	Apart bool
	// HasBody says that the request has a body. Set before Begin.
	HasBody bool
	// Shakes says that Handshaken will be called at the end of each TLS
	// handshake for this exchange, before anything else is done with its
	// connection. Set before Ask.
	Shakes bool

	// Guarded by host.mu.
	asking bool
	asked  bool // once, at least
	again  bool // it has asked more than once
	wants  bool // it is one of host.wanting
	firm   bool // not one of host.unsettled
	holds  bool // the barrier is up until it is firm
	spare  bool // there was a connection to be had when it began
	served bool // it has a connection: a dial of its own is not needed any more
	ended  bool
	put    bool
	conn   *Conn
	ask    ask
	addr   string
	// Why PutIdleConn did not take the connection back, if it did not.
	refused Reason

	id   uint64
	host *Host
}

// Exchange is what the ledger asks an exchange. Its methods must not call the
// ledger's.
type Exchange interface {
	// Culprit is who is to blame if it costs a connection: seldom asked, and not
	// put together before.
	Culprit() Culprit
	// Done is closed when it must wait no longer.
	Done() <-chan struct{}
}

func (u *Use) culprit() Culprit {
	if u.Of == nil {
		return Culprit{}
	}
	return u.Of.Culprit()
}

// Begin enters the exchange, which began at that time, and returns the host's page. It
// must be followed by one End. Known is what the page was last, if anything: it need
// not be looked up then.
func (l *Ledger) Begin(u *Use, key Key, known *Host, at time.Time) *Host {
	u.id = l.uses.Add(1)
	u.host = l.host(key, known, func(h *Host) {
		h.inflight++
		h.unsettled++
		if u.Exempt {
			h.exempt++
		}
		h.worth.Arrives(h.inflight > 1, h.ledger.idleTimeout, at)
		u.spare = h.idle > 0 || h.muxed && h.open > 0
		h.wake()
	})
	if h := u.host; h.barrier.up.Load() {
		// Whoever has raised it has not seen this one, or waits until it asks.
		h.mu.Lock()
		h.unsettled-- // net/http has chosen nothing for it yet
		h.stirred()
		h.pass(u)
		h.unsettled++
		h.mu.Unlock()
	}
	return u.host
}

// retires says why the exchange, which has just been given c, should be its
// last; empty if it should not. The connection's host.mu is held.
func (u *Use) retires(c *Conn, now time.Time) Reason {
	switch {
	case c.doom != nil, !c.shared && u.HasBody && !c.host.echoes:
		return ""
	case u.MaxUses > 0 && c.uses >= int(u.MaxUses):
		return MaxRequests
	case u.MaxAge > 0 && c.old(u.MaxAge, now):
		return MaxAge
	}
	return ""
}

// Echoed notes whether the response to a request that said Connection: close over
// HTTP/1 said so, too. If not, net/http keeps the connection that the server is
// about to close, unless it knows of what the request said; and of one with a
// body it looks at a copy. So such a request retires a connection only where
// servers were seen to answer in kind.
func (u *Use) Echoed(yes bool) {
	c := u.given()
	if c == nil {
		return
	}
	h := c.host
	h.mu.Lock()
	defer h.mu.Unlock()
	h.silent = h.silent || !yes // one of several servers behind one name, perhaps
	h.echoes = !h.silent
	if !yes && u.HasBody && c.user == u.id {
		c.announced = time.Nanosecond // it is to go as soon as it lies idle
		if c.state == idle {
			h.tendBy(c.due())
		}
	}
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
			c.conn.shaking.Store(false)
		}
	}
}

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
	u.conn, u.put, u.refused, u.served = nil, false, "", false
	u.host.mu.Unlock()

	if c != nil && !put {
		c.giveUp(u, now)
	}

	u.host.mu.Lock()
	defer u.host.mu.Unlock()
	if u.ended {
		return
	}
	if u.holds {
		// The connection that it was to be the last on did not take it.
		u.holds = false
		u.host.lower()
	}
	if !u.host.muxed {
		// Over HTTP/2 it is chosen already, and net/http may hold a lock here.
		u.host.pass(u)
		if u.ended {
			return
		}
	}
	if l := u.host.ledger; !l.asked.Load() {
		l.asked.Store(true)
	}
	u.ask, u.addr = u.host.ask(now), addr
	u.asked, u.again = true, u.asked
	u.unsettle()
	if !u.asking {
		u.asking = true
		u.host.askers++
	}
}

// BeforeRead has f called before the exchange's connection is read next: what
// net/http has in its buffer comes without. It is false, and f is never called,
// where nobody watches, or the connection went back already. Unread takes it back.
func (u *Use) BeforeRead(f *func()) bool {
	u.host.mu.Lock()
	c, put := u.conn, u.put
	u.host.mu.Unlock()
	// A connection that went back may be in another exchange's hands, and have
	// its f: a gzip body may be at its end before its caller is.
	if c == nil || !c.watched || put {
		return false
	}
	c.before.Store(f)
	return true
}

// Unread takes f back from BeforeRead. By then another exchange may have the
// connection, and its own f.
func (u *Use) Unread(f *func()) {
	if c := u.given(); c != nil {
		c.before.CompareAndSwap(f, nil)
	}
}

// given is the connection that the exchange has, nil if none.
func (u *Use) given() *Conn {
	u.host.mu.Lock()
	defer u.host.mu.Unlock()
	return u.conn
}

// answered ends the wait for a connection. u.host.mu is held.
func (u *Use) answered() {
	if u.asking {
		u.asking = false
		u.host.askers--
	}
	u.host.dismiss(u)
	u.host.stirred()
}
