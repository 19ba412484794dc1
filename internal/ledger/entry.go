package ledger

import (
	"time"
)

// Entry is one exchange in the ledger. Its zero value is ready for Begin.
// Methods are safe for concurrent use: hooks are called on net/http's goroutines, and
// may be called after the end.
type Entry struct {
	// Owner is the exchange itself; nil if it names no culprit. Set before Begin.
	Owner Owner
	// Close says that the request asks for its connection to be closed. Set
	// before Begin.
	Close bool
	// BehindMiddleware says that the base is not net/http's own transport. Foreign
	// middleware may stand before that, and send this exchange as several requests; or
	// the base's connections are of another kind. Set before Begin.
	BehindMiddleware bool

	// Guarded by host.mu.
	phase     phase
	hadIdle   bool   // when it began, a connection was free
	ended     bool   // End was called; hooks may still be
	refused   Reason // why PutIdleConn did not take the connection back, if it did not
	conn      *Conn  // the last one it was given; nil while it asks for another one
	atGetConn snapshot
	addr      string

	id   uint64
	host *Host
}

// Owner is the ledger's view of an exchange. Its methods must not call the
// ledger's.
type Owner interface {
	// Culprit describes the exchange, which has cost a connection. That is seldom, so the
	// description is put together only when it is called.
	Culprit() Culprit
}

func (e *Entry) culprit() Culprit {
	if e.Owner == nil {
		return Culprit{}
	}
	return e.Owner.Culprit()
}

// Begin enters the exchange, which began at the given time, and returns its Host. One End
// must follow. Known, if not nil, is the Host that an earlier Begin for key returned, and
// saves the lookup.
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
// dial. Direct says that the base is net/http's own transport; another base may have no
// connections at all.
func (e *Entry) MayDial(direct bool) bool {
	return !e.hadIdle && (direct || e.id == 1 || e.host.ledger.asked.Load())
}

// GetConn is for httptrace's hook of that name: the exchange asks net/http for a connection
// to addr, which is the proxy's if there is one. It may be called more than once: net/http
// tries again when a reused connection turns out dead.
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

// Share notes that the response has come over HTTP/2 or later. On a connection that uses
// HTTP/2 by prior knowledge there is no other sign of it.
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

// SetSpan notes which span stands for the making of the exchange's connection. Later users
// of the connection find it in Got.Span.
func (e *Entry) SetSpan(s Span) {
	e.host.mu.Lock()
	defer e.host.mu.Unlock()
	if e.conn != nil {
		e.conn.span = &s
	}
}
