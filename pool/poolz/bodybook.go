package poolz

import (
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/warmconn/warmconn/internal/loss"
	"github.com/warmconn/warmconn/internal/stack"
)

// bodiesMost bounds a bodyBook: the place that was quiet for the longest time goes.
const bodiesMost = 64

// bodySite is a place in the program that closes bodies which then cost their connection, or
// came to a limit of the drain.
type bodySite struct {
	host, method, outcome, skipped string
	stack                          []uintptr // nil where it was not taken

	n           uint64
	first, last time.Time
	path        string        // of the last one
	read        int64         // bytes that the program read of it
	cost        time.Duration // what a new connection was reckoned at; 0 if drain did not ask
}

// bodyBook are the places. Exchanges write into it as they end.
type bodyBook struct {
	mu    sync.Mutex // no other lock is taken under it
	sites []*bodySite
}

// undrained reports whether the body of an exchange was closed unread, or beyond what a drain
// may take.
func undrained(f *stack.Facts) bool {
	switch f.Outcome {
	case stack.OutcomeGaveUp, stack.OutcomeTimedOut:
		return true
	}
	return f.LostReason == loss.BodyUnread || f.LostReason == loss.Draining
}

func (b *bodyBook) add(x *stack.Exchange, f *stack.Facts, pcs []uintptr, now time.Time) {
	d := f.Drained()
	host, method := cut(x.Host()), cut(x.Method())
	outcome := f.Outcome.String()
	b.mu.Lock()
	defer b.mu.Unlock()
	i := slices.IndexFunc(b.sites, func(s *bodySite) bool {
		return s.host == host && s.method == method && s.outcome == outcome && s.skipped == d.Skipped && slices.Equal(s.stack, pcs)
	})
	if i < 0 {
		if len(b.sites) >= bodiesMost {
			b.sites = slices.Delete(b.sites, 0, 1)
		}
		b.sites = append(b.sites, &bodySite{host: strings.Clone(host), method: strings.Clone(method), outcome: outcome,
			skipped: d.Skipped, stack: slices.Clone(pcs), first: now})
		i = len(b.sites) - 1
	}
	s := b.sites[i]
	s.n++
	s.last, s.path, s.read, s.cost = now, strings.Clone(cut(x.Path())), f.BytesRead, d.Cost
	b.sites = append(slices.Delete(b.sites, i, i+1), s) // the last one comes last
}

// list returns copies of those of one host, or of all if its name is empty, the most frequent
// first.
func (b *bodyBook) list(host string) []bodySite {
	b.mu.Lock()
	defer b.mu.Unlock()
	var all []bodySite
	for _, s := range b.sites {
		if host == "" || s.host == cut(host) {
			all = append(all, *s)
		}
	}
	slices.SortStableFunc(all, func(a, b bodySite) int { return int(min(b.n, 1<<40)) - int(min(a.n, 1<<40)) })
	return all
}

func (b *bodyBook) clear() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.sites = nil
}
