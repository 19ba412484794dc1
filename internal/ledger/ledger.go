// Package ledger remembers, for one stack over one base, what exchanges show of
// connections that are not the kit's own: a RoundTripper of the program's own, a
// transport that the pool can't own, or one over which there is no pool. Package
// connpool keeps its own books of those that it owns.
//
// It is told by httptrace's hooks, through an Entry, one for each exchange, and by what
// the response body came to, through Entry.End. No hook tells it that a connection was
// closed, or dialed. So a connection that is lost is believed to be gone when its
// exchange ends, one that lies idle to be there until a request asks for it in vain,
// and of a request that had to dial the ledger says why as far as those two show;
// else the reason is Unknown.
//
//	GetConn      what is there to be had?
//	GotConn      whose connection, new or not ─▶ a loss is charged, or Unknown
//	PutIdleConn  it lies idle
//	End          behind the body: it goes on, or was lost, to whom
//
// phase.go has what an exchange goes through, and the table of its edges.
//
// Of connections that a transport dials for users without exchanges it counts those
// opened and closed: see Dialed. And it is where the counts of all connections come
// together, also of those that the stack owns: see SetCounter, Totals and Subscribe.
//
// Memory is bounded by a number of connections and losses for each host; a host
// without connections and requests is forgotten when others need its place. There is
// one lock for each host, and a sharded one to find it. Two hosts' locks are never
// held at once.
package ledger

import (
	"net/http"
	"sync/atomic"
	"time"
	"weak"

	"github.com/warmconn/warmconn/internal/hosttable"
	"github.com/warmconn/warmconn/internal/lockorder"
)

// Ledger is the book of one stack over one base. Use New.
type Ledger struct {
	keepAlivesOff bool // DisableKeepAlives
	keepsNoIdle   bool // a negative MaxIdleConnsPerHost: the same, but not over HTTP/2
	idleTimeout   time.Duration
	queues        bool                                 // requests may wait in net/http: MaxConnsPerHost
	peers         atomic.Bool                          // see CountPeers
	below         atomic.Pointer[weak.Pointer[Ledger]] // see SetInner
	subscribers   atomic.Pointer[[]Subscriber]
	totals        *Totals
	own           atomic.Pointer[Counter] // see SetCounter

	conns atomic.Uint64 // the last connection ID given out
	uses  atomic.Uint64 // the last entry ID given out
	reads atomic.Uint32 // of CountedConns, a few more than barelyReads at most
	asked atomic.Bool   // hooks are called: there are connections below
	hosts hosttable.Table[Key, *Host, lockorder.ConnTable]

	onEdge func(from, to phase) // a test's, called with the host locked
}

// New returns the ledger of a stack over base. What base says of keep-alives
// and idle time is read now: a transport must be configured before it is
// wrapped.
func New(base http.RoundTripper) *Ledger {
	l := &Ledger{totals: new(Totals)}
	if t, ok := base.(*http.Transport); ok {
		l.keepAlivesOff, l.keepsNoIdle = t.DisableKeepAlives, t.MaxIdleConnsPerHost < 0
		l.idleTimeout = t.IdleConnTimeout
		l.queues = t.MaxConnsPerHost > 0
	}
	return l
}

// Watch says whose the connections of a stack are.
type Watch uint8

const (
	Observed Watch = iota // somebody else's, known by what exchanges show
	Owned                 // the stack's own
)

// Counter keeps connections by itself, and counts them.
type Counter interface{ Counts(f func(Counts)) }

// SetCounter notes that o keeps the connections, and adds them to what Counts tells.
func (l *Ledger) SetCounter(o Counter) { l.own.Store(&o) }

// Watch says whose the connections are.
func (l *Ledger) Watch() Watch {
	if l.own.Load() == nil {
		return Observed
	}
	return Owned
}

// KeepAlivesOff reports whether the base never keeps a connection, shared ones
// (HTTP/2) or the others. Net/http keeps its HTTP/2 connections in a list of
// their own, to which the limit of idle ones does not apply.
func (l *Ledger) KeepAlivesOff(shared bool) bool {
	return l.keepAlivesOff || l.keepsNoIdle && !shared
}

// host finds or makes the host for key and runs f under its lock. Known may be that
// host, or what was once. The shard's lock is not held then: a busy host must not
// hold up others.
func (l *Ledger) host(key Key, known *Host, f func(*Host)) *Host {
	for {
		h := known
		if h == nil {
			h = l.hosts.Of(key, key.Host, func() *Host { return &Host{key: key, ledger: l} })
		}
		h.mu.Lock()
		if h.forgotten { // between the two locks, or long ago
			h.mu.Unlock()
			known = nil
			continue
		}
		f(h)
		h.mu.Unlock()
		return h
	}
}

// CloseIdle notes that the program closed the idle connections.
func (l *Ledger) CloseIdle() {
	now := time.Now()
	l.hosts.Each(func(h *Host) { h.dropIdle(ClosedIdle, now) })
}
