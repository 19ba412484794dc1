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
	// Close says that the request asks for the end of its connection. Set
	// before Begin.
	Close bool
	// Apart says that middlewares of others stand between this exchange and
	// net/http: several there may be this one. Set before Begin.
	Apart bool

	// Guarded by host.mu.
	asking bool
	spare  bool // there was a connection to be had when it began
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
		h.worth.Arrives(h.inflight > 1, h.ledger.idleTimeout, at)
		u.spare = h.idle > 0 || h.muxed && h.open > 0
	})
	return u.host
}

// MayDial reports whether the exchange, which has just begun, will probably
// dial. Direct says that the base is net/http's own; another one may have no
// connections at all.
func (u *Use) MayDial(direct bool) bool {
	return !u.spare && (direct || u.id == 1 || u.host.ledger.asked.Load())
}

// Ask notes that the exchange asks net/http for a connection, at addr: a
// proxy's if there is one. It may come more than once: net/http tries again
// when a reused connection turns out dead.
func (u *Use) Ask(addr string, now time.Time) {
	h := u.host
	h.mu.Lock()
	defer h.mu.Unlock()
	if u.ended {
		return
	}
	if u.conn != nil && !u.put {
		u.conn.giveUp(u, now)
	}
	u.conn, u.put, u.refused = nil, false, ""
	if !h.ledger.asked.Load() {
		h.ledger.asked.Store(true)
	}
	u.ask, u.addr = h.ask(now), addr
	if !u.asking {
		u.asking = true
		h.askers++
	}
}

// answered ends the wait for a connection. The host's mu is held.
func (u *Use) answered() {
	if u.asking {
		u.asking = false
		u.host.askers--
	}
}

// Share notes that the exchange's connection speaks HTTP/2, where that shows
// only in the response.
func (u *Use) Share() {
	h := u.host
	h.mu.Lock()
	defer h.mu.Unlock()
	if u.conn != nil {
		h.share(u.conn)
		h.muxed = true
	}
}

// SetSpan says which span stands for the making of the exchange's connection, for
// all who have it later.
func (u *Use) SetSpan(s Span) {
	u.host.mu.Lock()
	defer u.host.mu.Unlock()
	if u.conn != nil {
		u.conn.span = &s
	}
}
