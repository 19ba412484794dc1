// Package ledger remembers, for one stack over one base, what exchanges show of
// connections that are somebody else's: a RoundTripper of the program's own, a
// transport that the pool can't own, or one over which there is no pool. Package
// connpool keeps its own books of those that it owns.
//
// It is told by httptrace's hooks, through a Use, one for each exchange, and by what
// the response body came to, through Use.End. Nobody tells it that a connection was
// closed, or dialed. So a connection that is lost is believed to be gone when its
// exchange ends, one that lies idle to be there until somebody asks for it in vain,
// and of a request that had to dial the ledger says why as far as those two show;
// else the reason is Unknown.
//
//	GetConn ─▶ Ask: what is there to be had?
//	GotConn ─▶ Got: whose connection, new or not ─▶ a loss is charged, or Unknown
//	PutIdleConn ─▶ Put: it lies idle
//	body ─▶ End: it goes on, or was lost, to whom
//
// Of connections that a transport dials for users without exchanges it counts those
// opened and closed: see Dialed. And it is where the counts of all connections come
// together, also of those that the stack owns: see Own, Totals and Subscribe.
//
// Memory is bounded by a number of connections and losses for each host; a host
// without connections and requests is forgotten when others need its place. There is
// one lock for each host, and a sharded one to find it. Two hosts' locks are never
// held at once.
package ledger

import (
	"hash/maphash"
	"net/http"
	"sync"
	"sync/atomic"
	"time"
	"weak"
)

// Ledger is the book of one stack over one base. Use New.
type Ledger struct {
	keepAlivesOff bool // DisableKeepAlives
	keepsNoIdle   bool // a negative MaxIdleConnsPerHost: the same, but not over HTTP/2
	idleTimeout   time.Duration
	queues        bool                                 // requests may wait in net/http: MaxConnsPerHost
	peers         atomic.Bool                          // see CountPeers
	below         atomic.Pointer[weak.Pointer[Ledger]] // see Above
	subscribers   atomic.Pointer[[]Subscriber]
	totals        *Totals
	own           atomic.Pointer[Counter] // see Own

	seed   maphash.Seed
	conns  atomic.Uint64 // the last connection ID given out
	uses   atomic.Uint64 // the last Use ID given out
	reads  atomic.Uint32 // of Dialed connections, a few more than briefReads at most
	asked  atomic.Bool   // hooks are called: there are connections below
	shards [shards]shard
}

const (
	shards = 16
	// sweepFrom is how many hosts a shard may hold before idle ones are
	// forgotten to make room.
	sweepFrom = 64
)

type shard struct {
	mu    sync.Mutex
	hosts map[Key]*Host
	// sweepAt is the size at which the next sweep is worth it: twice what the
	// last one left, so that sweeping stays amortized.
	sweepAt int
}

// New returns the ledger of a stack over base. What base says of keep-alives
// and idle time is read now: a transport must be configured before it is
// wrapped.
func New(base http.RoundTripper) *Ledger {
	l := &Ledger{seed: maphash.MakeSeed(), totals: new(Totals)}
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
			h = l.shards[maphash.String(l.seed, key.Host)%shards].host(key, l)
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

func (s *shard) host(key Key, l *Ledger) *Host {
	s.mu.Lock()
	defer s.mu.Unlock()
	h := s.hosts[key]
	if h == nil {
		s.sweepLocked()
		h = &Host{key: key, ledger: l}
		s.hosts[key] = h
	}
	return h
}

// sweepLocked makes room for one more host.
func (s *shard) sweepLocked() {
	if s.hosts == nil {
		s.hosts = make(map[Key]*Host)
		s.sweepAt = sweepFrom
	}
	if len(s.hosts) < s.sweepAt {
		return
	}
	for k, h := range s.hosts {
		if h.forget() {
			delete(s.hosts, k)
		}
	}
	s.sweepAt = max(sweepFrom, 2*len(s.hosts))
}

// CloseIdle notes that somebody closed the idle connections.
func (l *Ledger) CloseIdle() {
	now := time.Now()
	l.each(func(h *Host) { h.dropIdleLocked(ClosedIdle, now) })
}

func (l *Ledger) each(f func(*Host)) {
	for i := range l.shards {
		s := &l.shards[i]
		s.mu.Lock()
		hosts := make([]*Host, 0, len(s.hosts))
		for _, h := range s.hosts {
			hosts = append(hosts, h)
		}
		s.mu.Unlock()
		for _, h := range hosts {
			f(h)
		}
	}
}
