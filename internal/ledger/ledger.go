// Package ledger keeps the books, for one stack over one base, of connections that are not
// the kit's own. The base is one of three:
//
//   - a RoundTripper of the program's own;
//   - a transport that the pool can't own;
//   - a transport under a stack without a pool.
//
// Package connpool keeps its own books of the connections that it owns.
//
// Each exchange has an Entry. Httptrace's hooks call its methods, and Entry.End tells how
// the exchange and its body ended:
//
//	GetConn      a request asks: which connections are free is noted
//	GotConn      it was given one; if that is new, a loss is charged, or there is another reason: see verdictLocked
//	PutIdleConn  the connection is idle again
//	End          behind the body: the connection stays open, or is lost, and to which exchange
//
// No hook tells that a connection was dialed or closed. So the ledger has to believe:
//
//   - a lost connection is gone when its exchange ends;
//   - an idle connection is open until a request asks for it in vain, the transport closes its idle
//     connections, or a bound is reached;
//   - a request had to dial for the reason that these two show; at last the reason is Unknown.
//
// The phases of an exchange, and the table of their edges, are in phase.go.
//
// Some connections have no exchange: a transport dials them for a program that uses it
// directly. The ledger counts their opening and closing: see CountDial. And it is where the
// counts of all connections come together, of the stack's own as well: see SetCounter,
// Totals and Subscribe.
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
	asked atomic.Bool   // GetConn was called: the base has connections
	hosts hosttable.Table[Key, *Host, lockorder.ConnTable]

	onEdge func(from, to phase) // a test's, called with the host locked
}

// New returns the ledger of a stack over base. It reads base's settings of keep-alives
// and idle time now: a transport must be configured before it is wrapped.
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
	Observed Watch = iota // the base's, known by what exchanges show
	Owned                 // the stack's own
)

// Counter keeps connections by itself, and counts them.
type Counter interface{ Counts(f func(Counts)) }

// SetCounter notes that o keeps the connections, and has Counts call o.Counts, too.
func (l *Ledger) SetCounter(o Counter) { l.own.Store(&o) }

// Watch says whose the connections are.
func (l *Ledger) Watch() Watch {
	if l.own.Load() == nil {
		return Observed
	}
	return Owned
}

// KeepAlivesOff reports whether the base never keeps a connection of the given kind:
// shared is HTTP/2. Net/http keeps HTTP/2 connections in a list of their own, to which the
// limit on idle ones does not apply.
func (l *Ledger) KeepAlivesOff(shared bool) bool {
	return l.keepAlivesOff || l.keepsNoIdle && !shared
}

// host finds or makes the host for key and runs f under its lock. Known may be an earlier
// result for key: it saves the lookup if the host was not forgotten since. The table's
// lock is not held while f runs: a busy host must not hold up others.
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

// CloseIdle notes that the program has asked for the idle connections to be closed.
func (l *Ledger) CloseIdle() {
	now := time.Now()
	l.hosts.Each(func(h *Host) { h.dropIdle(ClosedIdle, now) })
}
