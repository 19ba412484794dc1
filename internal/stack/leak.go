package stack

import (
	"runtime"
	"sync/atomic"
	"time"
)

// LeakBytes and LeakTime bound the drain of a leaked body. No caller waits for it.
const (
	LeakBytes = 256 << 10
	LeakTime  = 50 * time.Millisecond
)

// sentinel tells that a Body was dropped. The Body alone holds it, so when the
// collector finds it, no code can read or close that body any more. A clean-up
// costs two allocations, 100 ns and more, and locks that all processors share;
// so a Body has none of its own: it lays its sentinel aside when it ends, for
// another one. See BenchmarkWatch.
type sentinel struct {
	// watched is the exchange; nil while the sentinel lies aside. A variable of
	// its own, for the clean-up must not hold what it waits for.
	watched *atomic.Pointer[Exchange]
}

// watch returns a sentinel for the Body of x.
func (p *reaper) watch(x *Exchange) *sentinel {
	s, _ := p.sentinels.Get().(*sentinel)
	if s == nil {
		s = &sentinel{new(atomic.Pointer[Exchange])}
		runtime.AddCleanup(s, dropped, s.watched)
	}
	s.watched.Store(x)
	return s
}

// unwatch lays the sentinel aside; the exchange has ended.
func (b *Body) unwatch() {
	// Read and Close may come here at once.
	if s := b.sentinel.Swap(nil); s != nil {
		s.watched.Store(nil)
		b.exchange.pipe.reaper.sentinels.Put(s)
	}
}

// dropped is the collector's word. It runs on the runtime's own goroutine, so
// it only queues. Sentinels that the pool lets go come here, too.
func dropped(watched *atomic.Pointer[Exchange]) {
	if r := watched.Load(); r != nil {
		r.pipe.reaper.add(r)
	}
}

// reap ends a leaked exchange: its connection and slot come back. The drain may take
// that long; 0: it takes no more than what has come already. Over a base that is not
// net/http's own transport, the body is out of reach: a stack further down finds it by
// itself, and if there is none, the end of the context is what a base must heed. Out
// is what came of the drain, and took its time.
func (x *Exchange) reap(limit time.Duration) (out Outcome, took time.Duration) {
	b := &x.body
	b.mu.Lock()
	switch b.phase {
	case bodyOpen:
		x.moveLocked(bodyClosing)
	case bodyClosing: // a Close that never came to its end
	default:
		b.mu.Unlock()
		return OutcomePending, 0
	}
	resp := b.resp
	b.mu.Unlock()
	if resp == nil {
		time.AfterFunc(2*LeakTime, x.cancel)
		x.finish(OutcomeLeaked, nil, nil)
		return OutcomePending, 0
	}
	budget, drains := x.budget(resp, true)
	if !drains {
		budget = Budget{Bytes: LeakBytes, Time: LeakTime}
	}
	switch {
	case budget.none():
	case limit == 0:
		budget = Budget{Why: "too_slow", Cost: budget.Cost, TakeBuffered: true}
	default:
		budget.Time = min(budget.Time, limit)
	}
	began := time.Now()
	out, d, _ := x.drainWithin(budget, resp)
	took = time.Since(began)
	if out != OutcomeDrained {
		x.cancel()
	}
	quiet{resp.Body}.Close()
	x.finish(OutcomeLeaked, nil, d)
	return out, took
}
