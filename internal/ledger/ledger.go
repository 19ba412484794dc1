// Package ledger remembers, for one stack over one base, which connections to
// each host are open, what each is doing, and which were lost to whom. From
// that it says, of a request that had to dial, why.
//
// It is fed from three sides: by httptrace's hooks through a Use, one for each
// exchange; by what the response body came to, through Use.End; and, where
// pool could wrap the dialer, by each connection's own opening and closing.
// Without a watched dialer it knows of closes only what the first two show,
// and says Unknown more often.
//
// Memory is bounded by the connections that are open and a fixed number of
// losses for each host; a host without connections and requests is forgotten
// when others need its place. There is one lock for each host, and a sharded
// one to find it.
package ledger

import (
	"hash/maphash"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"
	"weak"
)

// Ledger is the book of one stack over one base. Use New.
type Ledger struct {
	watch         Watch
	keepAlivesOff bool // DisableKeepAlives
	keepsNoIdle   bool // a negative MaxIdleConnsPerHost: the same, but not over HTTP/2
	idleTimeout   time.Duration
	queues        bool // requests may wait in net/http: MaxConnsPerHost
	keep          Keep
	over          atomic.Bool                          // see End
	peers         atomic.Bool                          // see CountPeers
	below         atomic.Pointer[weak.Pointer[Ledger]] // see Above
	subscribers   atomic.Pointer[[]Subscriber]
	totals        *Totals
	own           Owner // see Own

	drains struct {
		mu    sync.Mutex
		stops map[*Use]func()
	}

	seed   maphash.Seed
	conns  atomic.Uint64 // the last connection ID given out
	uses   atomic.Uint64 // the last Use ID given out
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
func New(base http.RoundTripper, w Watch) *Ledger {
	l := &Ledger{watch: w, seed: maphash.MakeSeed(), totals: new(Totals)}
	if t, ok := base.(*http.Transport); ok {
		l.keepAlivesOff, l.keepsNoIdle = t.DisableKeepAlives, t.MaxIdleConnsPerHost < 0
		l.idleTimeout = t.IdleConnTimeout
		l.queues = t.MaxConnsPerHost > 0
	}
	return l
}

// Watch says which connections report to the ledger that they open and close.
type Watch uint8

const (
	Unwatched   Watch = iota
	WatchedHTTP       // all but those that a TLS dialer of the base's own makes
	Watched           // all
	Owned             // all but those to hosts whose names are not in ASCII: see Own
)

// Owner keeps connections by itself, and counts them.
type Owner interface{ Counts(f func(Counts)) }

// Own adds the connections of o to what Counts tells.
func (l *Ledger) Own(o Owner) { l.own = o }

// Watch says which connections report to this ledger.
func (l *Ledger) Watch() Watch { return l.watch }

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
		s.sweep()
		h = &Host{key: key, ledger: l}
		s.hosts[key] = h
	}
	return h
}

// sweep makes room for one more host. The shard's lock is held.
func (s *shard) sweep() {
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

// CloseIdle notes that somebody closed the idle connections. Watched ones
// report that by themselves.
func (l *Ledger) CloseIdle() {
	now := time.Now()
	l.each(func(h *Host) { h.dropIdle(ClosedIdle, now) })
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

// holder is a watched connection: it knows its line in the ledger.
type holder interface{ LedgerConn() *Conn }

// find returns the line of nc in this ledger if its dialer reported it. nc may
// be a tls.Conn around the watched one, or several.
func (l *Ledger) find(nc net.Conn) *Conn {
	for range 4 {
		if h, ok := nc.(holder); ok {
			if c := h.LedgerConn(); c.host.ledger == l {
				return c
			}
		}
		u, ok := nc.(interface{ NetConn() net.Conn })
		if !ok {
			return nil
		}
		nc = u.NetConn()
	}
	return nil
}
