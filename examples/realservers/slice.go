package main

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"github.com/warmconn/warmconn/examples/realservers/internal/child"
)

// A slice is one load of one variant.
type slice struct {
	elapsed   time.Duration
	latencies []time.Duration // of the requests that succeeded
	errors    map[string]int  // how many others, by class
}

func (s *slice) requests() int {
	n := len(s.latencies)
	for _, failed := range s.errors {
		n += failed
	}
	return n
}

func (s *slice) perSecond() float64 { return float64(s.requests()) / s.elapsed.Seconds() }

// atMost ends a slice that hangs: its requests fail then.
const atMost = 30 * time.Second

// run sends requests from the scenario's workers: n of them or, if n is 0, as
// many as it can in d.
func (s *scenario) run(ctx context.Context, v *variant, url string, n int, d time.Duration) *slice {
	ctx, cancel := context.WithTimeout(ctx, atMost)
	defer cancel()
	var (
		res   = &slice{errors: make(map[string]int)}
		mu    sync.Mutex // guards res
		next  atomic.Int64
		wg    sync.WaitGroup
		start = time.Now()
	)
	for range s.workers {
		wg.Go(func() {
			var took []time.Duration
			failed := make(map[string]int)
			for ctx.Err() == nil {
				i := int(next.Add(1)) - 1
				if n > 0 && i >= n || n == 0 && time.Since(start) > d {
					break
				}
				began := time.Now()
				if err := s.do(ctx, v.client, url, i); err != nil {
					failed[child.Class(err)]++
				} else {
					took = append(took, time.Since(began))
				}
			}
			mu.Lock()
			defer mu.Unlock()
			res.latencies = append(res.latencies, took...)
			for c, n := range failed {
				res.errors[c] += n
			}
		})
	}
	wg.Wait()
	res.elapsed = time.Since(start)
	return res
}
