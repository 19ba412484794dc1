package main

import (
	"context"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// result is what a load measured.
type result struct {
	latencies []time.Duration // of the requests that succeeded, sorted
	elapsed   time.Duration
	err       error // the first one; it ended the load
}

// load calls one(i) for i in [0, n) from c workers. A call's time counts
// from the request to the last thing that the incident does with its response;
// between, if not nil, runs after each and is not part of its latency.
func load(ctx context.Context, n, c int, one func(i int) error, between func(i int)) result {
	// It ends the workers, not the requests: what an incident leaves open has to
	// outlive its load.
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)

	var (
		next atomic.Int64
		wg   sync.WaitGroup
		took = make([][]time.Duration, c)
	)
	start := time.Now()
	for w := range c {
		wg.Go(func() {
			for {
				i := int(next.Add(1)) - 1
				if i >= n || ctx.Err() != nil {
					return
				}
				begin := time.Now()
				if err := one(i); err != nil {
					stop(err) // the first call wins
					return
				}
				took[w] = append(took[w], time.Since(begin))
				if between != nil {
					between(i)
				}
			}
		})
	}
	wg.Wait()
	res := result{elapsed: time.Since(start), latencies: slices.Concat(took...)}
	slices.Sort(res.latencies)
	if len(res.latencies) < n {
		res.err = context.Cause(ctx)
	}
	return res
}

// percentile is the nearest-rank percentile of sorted values: the smallest one
// that at least p percent of them do not exceed. It is 0 if there are none.
func percentile(sorted []time.Duration, p int) time.Duration {
	if len(sorted) == 0 {
		return 0
	}
	rank := (len(sorted)*p + 99) / 100
	return sorted[max(rank, 1)-1]
}

// patience is for events, which nearly always have come by the first look or the
// second. On a busy machine an event may be late; one that does not come at all
// shall leave time for the other rows.
const patience = budget / 3

// until polls cond until it holds, ctx ends or d is over, and returns whether it held.
func until(ctx context.Context, d time.Duration, cond func() bool) bool {
	ctx, cancel := context.WithTimeout(ctx, d)
	defer cancel()
	pause := 2 * time.Millisecond // longer each time: to count sockets takes as long, where the machine has many
	tick := time.NewTimer(pause)
	defer tick.Stop()
	for !cond() {
		select {
		case <-tick.C:
			pause = min(2*pause, 50*time.Millisecond)
			tick.Reset(pause)
		case <-ctx.Done():
			return cond()
		}
	}
	return true
}
