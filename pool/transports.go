package pool

import (
	"net/http"
	"runtime"
	"weak"

	"github.com/warmconn/warmconn/internal/connpool"
	"github.com/warmconn/warmconn/internal/hosttable"
	"github.com/warmconn/warmconn/internal/ledger"
	"github.com/warmconn/warmconn/internal/lockorder"
)

// sharedTransport is a private clone of a transport, with its connections. All stacks over
// that transport share it. Stacks hold it, and so do the bodies that they hand out; nothing
// that a connection can reach does. When the last holder is dropped, its idle connections
// are closed.
type sharedTransport struct {
	transport *http.Transport
	ledger    *ledger.Ledger
	conns     *connpool.Pool
}

// transports are the transports that a Pool stands on, and their clones. All are held by
// weak pointers: a Pool must not keep a dropped client's transport.
type transports struct {
	mu      lockorder.Mutex[lockorder.Transports]
	sites   map[weak.Pointer[http.Transport]]weak.Pointer[sharedTransport] // by the transport that was wrapped
	own     weak.Pointer[sharedTransport]                                  // Client's
	rare    weak.Pointer[sharedTransport]                                  // RareClient's
	clones  map[weak.Pointer[http.Transport]]clone                         // those of Transport, and of sites
	ledgers map[weak.Pointer[ledger.Ledger]]struct{}                       // of all stacks, for Stats
	sweepAt int                                                            // twice the size after the last sweep
	builds  churn
}

// clone belongs to a clone that the Pool has made.
type clone struct {
	ledger weak.Pointer[ledger.Ledger]
	site   weak.Pointer[sharedTransport] // nil for a clone that Transport returned
	// limited: its MaxConnsPerHost is the Pool's, for programs that use it directly.
	limited bool
}

// shared finds or makes the shared clone of base. If base must not be cloned it returns nil
// and the reason.
func (p *Pool) shared(base *http.Transport) (_ *sharedTransport, why string) {
	b := &p.bases
	b.mu.Lock()
	defer b.mu.Unlock()
	key := weak.Make(base)
	if s := b.sites[key].Value(); s != nil {
		return s, ""
	}
	s, why := p.newSharedLocked(base)
	if s == nil {
		return nil, why
	}
	if b.sites == nil {
		b.sites = make(map[weak.Pointer[http.Transport]]weak.Pointer[sharedTransport])
	}
	b.sites[key] = weak.Make(s)
	return s, ""
}

// ownShared finds or makes the shared transport of the clients that Client returns, or
// RareClient.
func (p *Pool) ownShared(shared *weak.Pointer[sharedTransport], base func() *http.Transport) *sharedTransport {
	b := &p.bases
	b.mu.Lock()
	defer b.mu.Unlock()
	s := shared.Value()
	if s == nil {
		s, _ = p.newSharedLocked(base())
		*shared = weak.Make(s)
	}
	return s
}

// newSharedLocked makes a shared transport over a clone of base. If base must not be cloned
// it returns nil and the reason.
func (p *Pool) newSharedLocked(base *http.Transport) (_ *sharedTransport, why string) {
	t, why := connpool.Clone(base)
	if t == nil {
		return nil, why
	}
	nameProxyAuth(t)
	keep := p.keep(t)
	if p.limits() {
		keep.StreamsOver = p.streamsOver
	}
	keep.Ended = p.ends.ring
	given := p.bases.clones[weak.Make(base)] // zero unless Transport has returned base
	if given.limited {
		keep.MaxConns = 0 // the Pool's own limit, which each exchange brings
	}
	l := given.ledger.Value()
	counted := l != nil
	if !counted {
		l = ledger.New(t)
		l.Count(p.totals)
	}
	conns := connpool.New(base, t, l, keep)
	l.SetCounter(conns)
	s := &sharedTransport{t, l, conns}
	p.bases.addLocked(t, clone{ledger: weak.Make(l), site: weak.Make(s)})
	if counted {
		p.bases.builds.sited(base, s)
	} else {
		p.bases.builds.add(t, l, s)
	}
	// The transport does not hold s: its connections can't keep the clean-up from running. The
	// clean-up has a goroutine of its own, because a connection's Close may block, and other
	// clean-ups must not wait for it.
	runtime.AddCleanup(s, func(conns *connpool.Pool) { go conns.Shutdown() }, conns)
	return s, ""
}

// addLocked enters a clone.
func (b *transports) addLocked(t *http.Transport, c clone) {
	b.sweepLocked()
	if b.clones == nil {
		b.clones = make(map[weak.Pointer[http.Transport]]clone)
	}
	b.clones[weak.Make(t)] = c
	b.noteLocked(c.ledger)
}

// sharedOf returns the shared transport whose clone t is; nil if there is none.
func (b *transports) sharedOf(t *http.Transport) *sharedTransport {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.clones[weak.Make(t)].site.Value()
}

// note enters a stack's ledger for Stats.
func (b *transports) note(l *ledger.Ledger) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.sweepLocked()
	b.noteLocked(weak.Make(l))
}

func (b *transports) noteLocked(l weak.Pointer[ledger.Ledger]) {
	if b.ledgers == nil {
		b.ledgers = make(map[weak.Pointer[ledger.Ledger]]struct{})
	}
	b.ledgers[l] = struct{}{}
}

// sweepLocked forgets collected transports, now and then.
func (b *transports) sweepLocked() {
	size := func() int { return len(b.sites) + len(b.clones) + len(b.ledgers) }
	if size() < b.sweepAt {
		return
	}
	for k, s := range b.sites {
		if s.Value() == nil {
			delete(b.sites, k)
		}
	}
	for k := range b.clones {
		if k.Value() == nil {
			delete(b.clones, k)
		}
	}
	for l := range b.ledgers {
		if l.Value() == nil {
			delete(b.ledgers, l)
		}
	}
	b.sweepAt = max(hosttable.SweepFrom, 2*size())
}

func (b *transports) stop() {
	all := b.live()
	for _, c := range all {
		if c.transport != nil {
			c.transport.CloseIdleConnections()
		}
	}
	for _, c := range all {
		if c.conns != nil {
			c.conns.Shutdown()
		}
	}
}

func (b *transports) closeIdle() {
	b.renew()
	for _, c := range b.live() {
		if c.conns != nil {
			c.conns.CloseIdleConnections()
		}
		if c.transport == nil {
			continue
		}
		c.transport.CloseIdleConnections()
		if c.ledger != nil {
			c.ledger.CloseIdle()
		}
	}
}

// renew has the connections of each shared transport take over the TLSClientConfig of the
// transport that was wrapped, if that was replaced.
func (b *transports) renew() {
	type pair struct {
		base *http.Transport
		site *sharedTransport
	}
	b.mu.Lock()
	all := make([]pair, 0, len(b.sites))
	for k, s := range b.sites {
		if x := (pair{k.Value(), s.Value()}); x.base != nil && x.site != nil {
			all = append(all, x)
		}
	}
	b.mu.Unlock()
	for _, x := range all {
		x.site.conns.Renew(x.base)
	}
}

// look brings the facts of connections up to date.
func (b *transports) look() {
	for _, c := range b.live() {
		if c.conns != nil {
			c.conns.Look()
		}
	}
}

// liveClone is a clone that was not collected yet. Its fields may be nil: each part is
// collected by itself.
type liveClone struct {
	transport *http.Transport
	ledger    *ledger.Ledger
	conns     *connpool.Pool
}

func (b *transports) live() []liveClone {
	b.mu.Lock()
	defer b.mu.Unlock()
	all := make([]liveClone, 0, len(b.clones))
	for k, c := range b.clones {
		l := liveClone{transport: k.Value(), ledger: c.ledger.Value()}
		if s := c.site.Value(); s != nil {
			l.conns = s.conns
		}
		all = append(all, l)
	}
	return all
}

// each calls f for the ledgers of all stacks that were not collected yet.
func (b *transports) each(f func(*ledger.Ledger)) {
	b.mu.Lock()
	live := make([]*ledger.Ledger, 0, len(b.ledgers))
	for k := range b.ledgers {
		if l := k.Value(); l != nil {
			live = append(live, l)
		}
	}
	b.mu.Unlock()
	for _, l := range live {
		f(l)
	}
}
