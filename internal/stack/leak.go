package stack

import (
	"runtime"
	"sync/atomic"
	"time"
)

// LeakBytes and LeakTime bound the drain of a leaked body, for which no caller waits.
const (
	LeakBytes = 256 << 10
	LeakTime  = 50 * time.Millisecond
)

// sentinel tells that a Body was dropped. The Body alone holds it: when the collector finds
// the sentinel, no code can read or close that body any more. A clean-up costs two
// allocations, 100 ns and more, and locks that all processors share. So sentinels are used
// again: when a body ends, its sentinel is put aside for another body. See BenchmarkWatch.
type sentinel struct {
	// watched is the exchange; nil while the sentinel is put aside. It is a variable of its
	// own, for a clean-up's argument must not lead to the sentinel that it waits for.
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

// unwatch puts the sentinel aside, after the end of the exchange.
func (b *Body) unwatch() {
	// Read and Close may come here at once.
	if s := b.sentinel.Swap(nil); s != nil {
		s.watched.Store(nil)
		b.exchange.pipe.reaper.sentinels.Put(s)
	}
}

// dropped is called when the collector has found a sentinel. It runs on a goroutine of the
// runtime's, so it only queues the exchange. Sentinels that the sync.Pool has dropped come
// here, too.
func dropped(watched *atomic.Pointer[Exchange]) {
	if r := watched.Load(); r != nil {
		r.pipe.reaper.add(r)
	}
}

// reap ends a leaked exchange: its connection and slot come back. The drain may take as long
// as limit; 0: it reads only the part of the body that is in net/http's buffer. Out is the
// outcome of the drain, and took its time.
//
// Over a base that is not net/http's own transport the body is out of reach. A stack further
// down finds it by itself. If there is none, the context is ended, which a base must heed.
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
