package stack

import (
	"sync"
	"time"

	"github.com/warmconn/warmconn/internal/ledger"
)

// reaper ends leaked exchanges, a few at a time, on goroutines of its own. These run only
// while there are leaks to end.
//
// The server decides how long a drain takes. So a server whose bodies never end must not hold
// up the leaks of other hosts: hosts take turns; a host whose leaks hang gets less time for
// its next ones, down to none; and if many hosts wait, each gets less.
type reaper struct {
	sentinels sync.Pool // sentinels that are put aside

	mu      sync.Mutex
	hosts   map[ledger.Key]*flow // hosts with leaks that wait or are being ended
	turns   []*flow              // hosts with leaks that wait, the next one first
	workers int
}

// flow are the leaks of one host. When all of them are ended the flow is forgotten, also that
// leaks hung: so there are no more flows than leaks.
type flow struct {
	key   ledger.Key
	queue []*Exchange
	busy  int // leaks that are being ended
	hung  int // how many of the last ones hung, in a row
}

const (
	// reapers bounds the drains of leaked bodies that run at once: each may take all of its
	// time.
	reapers = 4
	// leakRound is about how long one turn of all waiting hosts may take. So it is the time
	// until the only leak of a host is ended.
	leakRound = 100 * time.Millisecond
	// leastLeakTime is the least time for a drain that is worth a try: Go's timers round up
	// to it.
	leastLeakTime = time.Millisecond
)

func (p *reaper) add(x *Exchange) {
	p.mu.Lock()
	defer p.mu.Unlock()
	key := x.request.target.Key
	f := p.hosts[key]
	if f == nil {
		if p.hosts == nil {
			p.hosts = make(map[ledger.Key]*flow)
		}
		f = &flow{key: key}
		p.hosts[key] = f
	}
	if f.queue = append(f.queue, x); len(f.queue) == 1 {
		p.turns = append(p.turns, f)
	}
	if p.workers < reapers {
		p.workers++
		go p.work()
	}
}

func (p *reaper) work() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for len(p.turns) > 0 {
		limit := p.limitLocked()
		f, r := p.nextLocked()
		p.mu.Unlock()
		out, took := r.reap(limit)
		p.mu.Lock()
		p.reapedLocked(f, out, limit > 0 && took >= limit)
	}
	p.workers--
}

// limitLocked is how long the next drain may take.
func (p *reaper) limitLocked() time.Duration {
	d := min(LeakTime>>p.turns[0].hung, reapers*leakRound/time.Duration(len(p.turns)))
	if d < leastLeakTime {
		return 0
	}
	return d
}

// nextLocked takes the next leak from the host whose turn it is.
func (p *reaper) nextLocked() (*flow, *Exchange) {
	f := p.turns[0]
	p.turns[0] = nil
	p.turns = p.turns[1:]
	r := f.queue[0]
	f.queue[0] = nil
	f.queue = f.queue[1:]
	f.busy++
	if len(f.queue) > 0 {
		p.turns = append(p.turns, f)
	} else {
		f.queue = nil
	}
	return f, r
}

// reapedLocked notes the outcome for a leak that nextLocked has returned.
func (p *reaper) reapedLocked(f *flow, out Outcome, hung bool) {
	f.busy--
	switch {
	case out == OutcomeDrained:
		f.hung = 0
	case hung:
		f.hung++
	}
	if f.busy == 0 && len(f.queue) == 0 {
		delete(p.hosts, f.key)
	}
}
