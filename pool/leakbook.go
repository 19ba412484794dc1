package pool

import (
	"cmp"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/warmconn/warmconn/internal/callsite"
)

// leakBook are the places that have leaked, for package poolz: whoever looks comes after it
// has happened. A leak is written down with the stack that its request had taken anyway, and
// its lines are looked up when they are read.
type leakBook struct {
	mu    sync.Mutex // no other lock is taken under it
	sites []*leakSite
}

// leakSitesMost bounds a leakBook: in the place of one more goes the one whose last leak is
// the longest ago.
const leakSitesMost = 64

// leakSite is one place, for one host.
type leakSite struct {
	host, method string
	suspected    bool
	transports   int
	stack        []uintptr // nil where it was not taken

	n           int
	age         time.Duration // of the last one
	first, last time.Time
}

func (s *leakSite) same(t *leakSite) bool {
	return s.host == t.host && s.method == t.method && s.suspected == t.suspected &&
		(s.transports > 0) == (t.transports > 0) && slices.Equal(s.stack, t.stack)
}

// note writes a leak down: s with its stack, which is copied.
func (b *leakBook) note(s leakSite, age time.Duration) {
	now := time.Now()
	b.mu.Lock()
	defer b.mu.Unlock()
	i := slices.IndexFunc(b.sites, func(have *leakSite) bool { return have.same(&s) })
	if i < 0 {
		if len(b.sites) >= leakSitesMost {
			b.sites = slices.Delete(b.sites, 0, 1)
		}
		s.stack, s.first = slices.Clone(s.stack), now
		b.sites = append(b.sites, &s)
		i = len(b.sites) - 1
	}
	have := b.sites[i]
	have.n++
	have.age, have.last, have.transports = age, now, s.transports
	b.sites = append(slices.Delete(b.sites, i, i+1), have) // the last one comes last
}

// list returns copies, the latest first.
func (b *leakBook) list() []leakSite {
	b.mu.Lock()
	defer b.mu.Unlock()
	all := make([]leakSite, 0, len(b.sites))
	for _, s := range slices.Backward(b.sites) {
		all = append(all, *s)
	}
	return all
}

// leak is what OnLeak is told of the last one.
func (s *leakSite) leak() Leak {
	at := callsite.Of(s.stack)
	l := Leak{Host: s.host, Caller: at.Caller, Inner: at.Inner, Age: s.age, Suspected: s.suspected, Transports: s.transports, stack: cloned(s.stack)}
	if s.transports == 0 {
		l.Method = cmp.Or(s.method, http.MethodGet)
	}
	return l
}

// churned reports a place that makes a transport for each request.
func (p *Pool) churned(l Leak) {
	var stack []uintptr
	if l.stack != nil {
		stack = *l.stack
	}
	p.leaks.note(leakSite{transports: l.Transports, stack: stack}, l.Age)
	if p.opts.OnLeak != nil {
		p.opts.OnLeak(l)
	}
}
