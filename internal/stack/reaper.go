package stack

import (
	"sync"
	"time"

	"github.com/warmconn/warmconn/internal/ledger"
)

// reaper ends leaked exchanges, a few at a time, away from the collector. Its
// goroutines run only while there is something to do.
//
// The server says how long a drain takes, so one whose bodies never end must not
// hold up the leaks of others: hosts take turns, one whose leaks hang gets less time
// for the next, down to none, and if many hosts wait each gets less.
type reaper struct {
	sentinels sync.Pool // those that lie aside

	mu      sync.Mutex
	hosts   map[ledger.Key]*flow // those with leaks that wait or are being ended
	turns   []*flow              // those with leaks that wait, the next one first
	workers int
}

// flow is the leaks of one host. It is forgotten, and with it that they hung, when
// they are all ended: so there are no more flows than leaks.
type flow struct {
	key   ledger.Key
	queue []*Exchange
	busy  int // that are being ended
	hung  int // of the last ones, in a row
}

const (
	// reapers bounds the drains of leaked bodies that run at once: each may take
	// its whole time.
	reapers = 4
	// leakRound is what a turn of all hosts that wait may take, about: the time
	// until a leak is ended whose host has no other.
	leakRound = 100 * time.Millisecond
	// leastLeakTime is what is worth a try: Go's timers round up to it.
	leastLeakTime = time.Millisecond
)

func (p *reaper) add(x *Exchange) {
	p.mu.Lock()
	defer p.mu.Unlock()
	key := x.request.target.key
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

// reapedLocked notes what came of the leak that nextLocked has returned.
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
