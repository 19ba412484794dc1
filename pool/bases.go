package pool

import (
	"net/http"
	"runtime"
	"sync"
	"weak"

	"github.com/warmconn/warmconn/internal/ledger"
	"github.com/warmconn/warmconn/internal/record"
)

// site is a watched clone that stacks share. Stacks, and the bodies that they
// hand out, hold it; nothing that a connection can reach does. When the last
// of them is dropped, its idle connections are closed.
type site struct {
	transport *http.Transport
	ledger    *ledger.Ledger
}

// bases is what a Pool knows of the transports that it stands on. All of it is
// held weakly: a Pool must not keep a dropped client's transport.
type bases struct {
	mu      sync.Mutex
	sites   map[weak.Pointer[http.Transport]]weak.Pointer[site]          // by the transport handed in
	clones  map[weak.Pointer[http.Transport]]weak.Pointer[ledger.Ledger] // what Transport returned, and sites' own
	ledgers map[weak.Pointer[ledger.Ledger]]struct{}                     // of all stacks, for Stats
}

// Tune implements record.Tuner: it puts a watched clone in the place of a plain
// transport.
func (t part) Tune(b record.Tuned) record.Tuned {
	p := t.p
	base, ok := b.Base.(*http.Transport)
	if !ok {
		p.bases.note(b.Ledger)
		return b
	}
	if l := p.bases.clone(base); l != nil {
		b.Ledger = l
		p.bases.note(l)
		return b
	}
	if b.Ledger.Watch() != ledger.Unwatched {
		// Another pool's clone, further down in this stack. Cloning it again
		// would split its connections in two.
		p.bases.note(b.Ledger)
		return b
	}
	s := p.site(base)
	if s == nil {
		p.bases.note(b.Ledger)
		return b
	}
	return record.Tuned{Base: s.transport, Ledger: s.ledger, Keep: s, Replaced: true}
}

// site finds or makes the shared clone of base; nil if it must not be cloned.
func (p *Pool) site(base *http.Transport) *site {
	b := &p.bases
	b.mu.Lock()
	defer b.mu.Unlock()
	key := weak.Make(base)
	if s := b.sites[key].Value(); s != nil {
		return s
	}
	t, l := p.clone(base)
	if t == nil {
		return nil
	}
	s := &site{t, l}
	if b.sites == nil {
		b.sites = make(map[weak.Pointer[http.Transport]]weak.Pointer[site])
	}
	b.sites[key] = weak.Make(s)
	b.addLocked(t, l)
	// The transport holds no site: its connections can't keep this from
	// running.
	runtime.AddCleanup(s, (*http.Transport).CloseIdleConnections, t)
	return s
}

func (b *bases) addClone(t *http.Transport, l *ledger.Ledger) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.addLocked(t, l)
}

func (b *bases) addLocked(t *http.Transport, l *ledger.Ledger) {
	b.sweep()
	if b.clones == nil {
		b.clones = make(map[weak.Pointer[http.Transport]]weak.Pointer[ledger.Ledger])
		b.ledgers = make(map[weak.Pointer[ledger.Ledger]]struct{})
	}
	b.clones[weak.Make(t)] = weak.Make(l)
	b.ledgers[weak.Make(l)] = struct{}{}
}

// clone returns the ledger of a transport that is a clone of this Pool's.
func (b *bases) clone(t *http.Transport) *ledger.Ledger {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.clones[weak.Make(t)].Value()
}

// note enters a stack's ledger for Stats.
func (b *bases) note(l *ledger.Ledger) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.sweep()
	if b.ledgers == nil {
		b.ledgers = make(map[weak.Pointer[ledger.Ledger]]struct{})
	}
	b.ledgers[weak.Make(l)] = struct{}{}
}

// sweep forgets what was collected. b.mu is held.
func (b *bases) sweep() {
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
}

func (b *bases) closeIdle() {
	b.mu.Lock()
	var open []*http.Transport
	for k := range b.clones {
		if t := k.Value(); t != nil {
			open = append(open, t)
		}
	}
	b.mu.Unlock()
	for _, t := range open {
		t.CloseIdleConnections()
	}
}

// each calls f for the ledgers of all stacks that are still there.
func (b *bases) each(f func(*ledger.Ledger)) {
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
