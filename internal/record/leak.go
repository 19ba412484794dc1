package record

import (
	"runtime"
	"sync"
	"sync/atomic"
	"time"
)

// LeakBytes and LeakTime bound the drain of a leaked body. Nobody waits for it.
const (
	LeakBytes = 256 << 10
	LeakTime  = 50 * time.Millisecond
)

// sentinel tells that a Body was dropped. The Body alone holds it, so when the
// collector finds it, nobody can read or close that body any more. A clean-up
// costs two allocations, 100 ns and more, and locks that all processors share;
// so a Body has none of its own: it lays its sentinel aside when it ends, for
// another one. See BenchmarkWatch.
type sentinel struct {
	// watched is the exchange; nil while the sentinel lies aside. A variable of
	// its own, for the clean-up must not hold what it waits for.
	watched *atomic.Pointer[Record]
}

// watch returns a sentinel for the Body of r.
func (p *reaper) watch(r *Record) *sentinel {
	s, _ := p.sentinels.Get().(*sentinel)
	if s == nil {
		s = &sentinel{new(atomic.Pointer[Record])}
		runtime.AddCleanup(s, dropped, s.watched)
	}
	s.watched.Store(r)
	return s
}

// unwatch lays the sentinel aside; the exchange has ended.
func (b *Body) unwatch() {
	// Read and Close may come here at once.
	if s := b.sentinel.Swap(nil); s != nil {
		s.watched.Store(nil)
		b.record.line.reaper.sentinels.Put(s)
	}
}

// dropped is the collector's word. It runs on the runtime's own goroutine, so
// it only queues. Sentinels that the pool lets go come here, too.
func dropped(watched *atomic.Pointer[Record]) {
	if r := watched.Load(); r != nil {
		r.line.reaper.add(r)
	}
}

// reap ends a leaked exchange: its connection and slot come back. Over a base
// that is not net/http's own transport, the body is out of reach: a stack
// further down finds it by itself, and if there is none, the end of the context
// is what a base must heed.
func (r *Record) reap() {
	b := &r.body
	b.mu.Lock()
	ended := b.ended || b.later
	b.closed = true
	resp := b.resp
	b.mu.Unlock()
	if ended {
		return
	}
	if resp == nil {
		time.AfterFunc(2*LeakTime, r.cancel)
		r.finish(OutcomeLeaked, nil, nil)
		return
	}
	budget, drains := r.budget(resp, true)
	if !drains {
		budget = Budget{Bytes: LeakBytes, Time: LeakTime}
	}
	out, d, _ := r.drainWithin(budget, resp)
	if out != OutcomeDrained {
		r.cancel()
	}
	quiet{resp.Body}.Close()
	r.finish(OutcomeLeaked, nil, d)
}

// reaper ends leaked exchanges, a few at a time, away from the collector. Its
// goroutines run only while there is something to do.
type reaper struct {
	sentinels sync.Pool // those that lie aside

	mu      sync.Mutex
	queue   []*Record
	workers int
}

// reapers bounds the drains of leaked bodies that run at once: each may take
// its whole budget.
const reapers = 4

func (p *reaper) add(r *Record) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.queue = append(p.queue, r)
	if p.workers < reapers {
		p.workers++
		go p.work()
	}
}

func (p *reaper) work() {
	for {
		p.mu.Lock()
		if len(p.queue) == 0 {
			p.queue = nil
			p.workers--
			p.mu.Unlock()
			return
		}
		r := p.queue[0]
		p.queue[0] = nil
		p.queue = p.queue[1:]
		p.mu.Unlock()
		r.reap()
	}
}
