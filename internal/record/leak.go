package record

import (
	"sync"
	"time"
)

// LeakBytes and LeakTime bound the drain of a leaked body. Nobody waits for it.
const (
	LeakBytes = 256 << 10
	LeakTime  = 50 * time.Millisecond
)

// dropped is the collector's word that nobody can read or close the body any
// more. It runs on the runtime's own goroutine, so it only queues.
func dropped(r *Record) { r.line.reaper.add(r) }

// reap ends a leaked exchange: its connection and slot come back. Over a base
// that is not net/http's own transport, the body is out of reach: a stack
// further down finds it by itself, and if there is none, the end of the context
// is what a base must heed.
func (r *Record) reap() {
	b := &r.body
	b.mu.Lock()
	ended := b.ended || b.closed // or ends later: see closeLater
	b.closed = true
	resp := b.resp
	b.mu.Unlock()
	if ended {
		return
	}
	if resp == nil {
		time.AfterFunc(2*LeakTime, r.cancel)
		r.finish(OutcomeLeaked, nil, drained{})
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
	resp.Body.Close()
	r.finish(OutcomeLeaked, nil, d)
}

// reaper ends leaked exchanges, a few at a time, away from the collector. Its
// goroutines run only while there is something to do.
type reaper struct {
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
