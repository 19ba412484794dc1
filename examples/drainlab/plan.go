package main

import (
	"context"
	"math/rand/v2"
	"time"
)

// stage is a part of the cells that may run at the same time.
type stage struct {
	benches []*bench
	lanes   int
}

// stagesOf sorts the cells by how much of the processor they need. Where a cell
// mostly waits for its network or its server, several run at once; their
// policies' trials come in random order, so that what they take from one another
// is taken from all alike. The lanes are for two processors and leave most of
// them idle.
func stagesOf(benches []*bench) []stage {
	var (
		alone   = stage{lanes: 1}
		near    = stage{lanes: 4}
		nearBig = stage{lanes: 2}
		far     = stage{lanes: 20}
		farBig  = stage{lanes: 4}
	)
	for _, b := range benches {
		s := &alone
		big := b.size > 1<<20 || b.body == fast
		switch {
		case b.rtt >= 10*time.Millisecond && big:
			s = &farBig
		case b.rtt >= 10*time.Millisecond:
			s = &far
		case b.rtt > 0 && (big || b.size == 1<<20):
			s = &nearBig
		case b.rtt > 0, b.body == late, b.body == slow:
			s = &near
		}
		s.benches = append(s.benches, b)
	}
	return []stage{alone, near, nearBig, far, farBig}
}

// estimate is what a pilot found: seconds for one request.
type estimate struct{ empty, closed, drained float64 }

// pilot tries the cell out, for the plan alone.
func (l *lab) pilot(ctx context.Context, b *bench, _ *rand.Rand) error {
	s, err := b.build()
	if err != nil {
		return err
	}
	defer s.close()
	cost := func(policy, path string) float64 {
		if err != nil {
			return 0
		}
		var t trial
		t, err = s.try(ctx, l.policies[l.index(policy)], path, 2, time.Second)
		return t.wall.Seconds() / float64(t.requests+1)
	}
	b.empty = cost(alwaysClose, emptyPath)
	b.closed = cost(alwaysClose, bodyPath)
	b.drained = b.closed + tail.Seconds() // what limits let an endless body take
	if !b.endless() {
		b.drained = cost(alwaysDrain, bodyPath)
	}
	return err
}

// request is what a request takes, over the policies.
func (e estimate) request() float64 { return (e.closed + e.drained) / 2 }

// trial is what a trial of n requests takes.
func (e estimate) trial(n int) float64 {
	const settling = 1e-3
	return e.closed + 2*e.empty + settling + float64(n)*e.request()
}

const mostRequests = 60

// plan gives all trials about the same time, the most with which the run keeps
// within its budget.
func (l *lab) plan(stages []stage) {
	left := (l.budget - time.Since(l.began)).Seconds() * 0.95
	low, high := 0.0, left
	for range 30 {
		slot := (low + high) / 2
		if l.takes(stages, slot) > left {
			high = slot
		} else {
			low = slot
		}
	}
	for _, s := range stages {
		for _, b := range s.benches {
			b.requests = l.requests(b, low)
			b.most = time.Duration(4 * b.trial(b.requests) * float64(time.Second))
		}
	}
}

// requests is how many fit in a slot of so many seconds.
func (l *lab) requests(b *bench, slot float64) int {
	return max(l.fewest, min(int(slot/b.request()), mostRequests))
}

// takes is what the whole run would take with such slots.
func (l *lab) takes(stages []stage, slot float64) (seconds float64) {
	for _, s := range stages {
		var sum float64
		for _, b := range s.benches {
			sum += b.trial(l.requests(b, slot)) * float64(len(l.policies)+1)
		}
		seconds += sum / float64(s.lanes)
	}
	return seconds * float64(l.rounds)
}
