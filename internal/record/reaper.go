package record

import "sync"

// reaper ends leaked exchanges, a few at a time, away from the collector. Its
// goroutines run only while there is something to do.
type reaper struct {
	mu      sync.Mutex
	queue   []*leg
	workers int
}

// reapers bounds the drains of leaked bodies that run at once: each may take
// its whole budget.
const reapers = 4

func (r *reaper) add(l *leg) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.queue = append(r.queue, l)
	if r.workers < reapers {
		r.workers++
		go r.work()
	}
}

func (r *reaper) work() {
	for {
		r.mu.Lock()
		if len(r.queue) == 0 {
			r.queue = nil
			r.workers--
			r.mu.Unlock()
			return
		}
		l := r.queue[0]
		r.queue[0] = nil
		r.queue = r.queue[1:]
		r.mu.Unlock()
		l.reap()
	}
}
