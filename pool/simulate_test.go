package pool

import (
	"context"
	"errors"
	"math"
	"math/rand/v2"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/warmconn/warmconn/internal/ledger"
)

// arrival is one request of a simulation: when it comes, as a time after the first one; how long
// it holds its slot; and when its context ends, as a time after it came, 0 for never. Its hold
// ends with its context only if it is hasty.
type arrival struct {
	at, hold, patience time.Duration
	hasty              bool
}

// poisson returns n arrivals, at load times the rate that limit slots can serve if each is held
// for mean. The seed is fixed, so that all runs are the same.
func poisson(n, limit int, load float64, mean time.Duration, hold func(r *rand.Rand, at time.Duration) time.Duration) []arrival {
	r := rand.New(rand.NewPCG(1, 2))
	arrivals := make([]arrival, n)
	var at time.Duration
	for i := range arrivals {
		at += time.Duration(r.ExpFloat64() * float64(mean) / float64(limit) / load)
		arrivals[i] = arrival{at: at, hold: hold(r, at)}
	}
	return arrivals
}

// outcome is the result of an arrival. Times are since the first one.
type outcome struct {
	began, ended time.Duration // of its slot, if err is nil
	err          error
}

func (a arrival) work(ctx context.Context) error {
	if !a.hasty {
		time.Sleep(a.hold)
		return nil
	}
	done := time.NewTimer(a.hold)
	defer done.Stop()
	select {
	case <-done.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (o outcome) served() bool  { return o.err == nil }
func (o outcome) refused() bool { return o.predicted() > 0 }

func (o outcome) predicted() time.Duration {
	var l *LimitError
	if !errors.As(o.err, &l) {
		return 0
	}
	return l.Predicted
}

// run is the result of a simulation.
type run struct {
	outcomes []outcome
	idle     []time.Duration // when a slot was left unused
	stats    Stats           // after the last one
}

const meanHold = 20 * time.Millisecond

var simulated = ledger.Key{Scheme: "https", Host: "host.example", Port: "443"}

// simulate sends arrivals through the queues of a Pool, on synctest's clock.
func simulate(t *testing.T, o Options, arrivals []arrival) run {
	var s run
	s.outcomes = make([]outcome, len(arrivals))
	synctest.Test(t, func(t *testing.T) {
		p := New(o)
		began := time.Now()
		var mu sync.Mutex
		var wg sync.WaitGroup
		for i, a := range arrivals {
			time.Sleep(a.at - time.Since(began))
			wg.Go(func() {
				out := &s.outcomes[i]
				ctx := context.Background()
				if a.patience > 0 {
					var cancel context.CancelFunc
					ctx, cancel = context.WithTimeout(ctx, a.patience)
					defer cancel()
				}
				h, _, err := p.acquire(ctx, acquisition{}, simulated, "", nil)
				out.began = time.Since(began)
				if out.err = err; err != nil {
					return
				}
				out.err = a.work(ctx)
				p.release(h, nil)
				out.ended = time.Since(began)
				if h := p.Stats().Hosts[0]; h.InUse < h.Limit {
					mu.Lock()
					s.idle = append(s.idle, out.ended)
					mu.Unlock()
				}
			})
		}
		wg.Wait()
		s.stats = p.Stats()
		if s.stats.InUse != 0 || s.stats.Waiting != 0 {
			t.Errorf("in use %d, waiting %d after the last; want 0, 0", s.stats.InUse, s.stats.Waiting)
		}
	})
	return s
}

// alone returns how long arrival i, which was refused at once, would have waited if it alone had
// been let in. Its slot would have been the first one that a later arrival got, or that was left
// unused.
func (s run) alone(arrivals []arrival, i int) time.Duration {
	at := arrivals[i].at
	first := time.Duration(math.MaxInt64)
	for _, o := range s.outcomes[i+1:] {
		if o.err == nil {
			first = min(first, o.began)
		}
	}
	for _, idle := range s.idle {
		if idle >= at {
			first = min(first, idle)
			break
		}
	}
	return first - at
}

func count(outcomes []outcome, of func(i int, o outcome) bool) int {
	n := 0
	for i, o := range outcomes {
		if of(i, o) {
			n++
		}
	}
	return n
}
