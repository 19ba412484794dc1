package ledger

import (
	"time"
)

// Entry is one exchange's line in the ledger. Its zero value is ready for Begin.
// Methods are safe for concurrent use: hooks come from net/http's goroutines,
// also after the end.
type Entry struct {
	// Owner is the exchange itself; nil if not wanted. Set before Begin.
	Owner Owner
	// Close says that the request asks for the end of its connection. Set
	// before Begin.
	Close bool
	// BehindMiddleware says that the base is not net/http's own transport: middlewares of
	// others may stand before that, and several exchanges there be this one; or its
	// connections are of another kind. Set before Begin.
	BehindMiddleware bool

	// Guarded by host.mu.
	phase     phase
	hadIdle   bool   // there was a connection to be had when it began
	ended     bool   // hooks may come yet
	refused   Reason // why PutIdleConn did not take the connection back, if it did not
	conn      *Conn  // the last that it was given; nil if it asks for another one
	atGetConn snapshot
	addr      string

	id   uint64
	host *Host
}

// Owner is what the ledger asks an exchange. Its methods must not call the
// ledger's.
type Owner interface {
	// Culprit is who is to blame if it costs a connection: seldom asked, and not
	// put together before.
	Culprit() Culprit
}

func (e *Entry) culprit() Culprit {
	if e.Owner == nil {
		return Culprit{}
	}
	return e.Owner.Culprit()
}

// Begin enters the exchange, which began at that time, and returns the host's page. It
// must be followed by one End. Known is what the page was last, if anything: it need
// not be looked up then.
func (l *Ledger) Begin(u *Entry, key Key, known *Host, at time.Time) *Host {
	u.id = l.uses.Add(1)
	u.host = l.host(key, known, func(h *Host) {
		h.inFlight++
		h.worth.Arrives(h.inFlight > 1, h.ledger.idleTimeout, at)
		u.hadIdle = h.counts.idle > 0 || h.lastHTTP2 && h.counts.open > 0
	})
	return u.host
}

// MayDial reports whether the exchange, which has just begun, will probably
// dial. Direct says that the base is net/http's own; another one may have no
// connections at all.
func (e *Entry) MayDial(direct bool) bool {
	return !e.hadIdle && (direct || e.id == 1 || e.host.ledger.asked.Load())
}

// GetConn notes that the exchange asks net/http for a connection, at addr: a
// proxy's if there is one. It may come more than once: net/http tries again
// when a reused connection turns out dead.
func (e *Entry) GetConn(addr string, now time.Time) {
	h := e.host
	h.mu.Lock()
	defer h.mu.Unlock()
	if e.ended {
		return
	}
	if e.conn != nil && e.phase != returned {
		e.conn.takeBackLocked(e, now)
	}
	if !h.ledger.asked.Load() {
		h.ledger.asked.Store(true)
	}
	e.atGetConn, e.addr = h.snapshotLocked(now), addr
	e.conn = nil
	e.moveLocked(asking)
}

// Share notes that the response has come over HTTP/2 or later: of a connection with prior
// knowledge that is the only sign.
func (e *Entry) Share() {
	h := e.host
	h.mu.Lock()
	defer h.mu.Unlock()
	if e.conn != nil {
		h.shareLocked(e.conn)
		e.conn.answeredLocked()
		h.lastHTTP2 = true
	}
}

// SetSpan says which span stands for the making of the exchange's connection, for
// all who have it later.
func (e *Entry) SetSpan(s Span) {
	e.host.mu.Lock()
	defer e.host.mu.Unlock()
	if e.conn != nil {
		e.conn.span = &s
	}
}
