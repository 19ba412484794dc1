package main

import (
	"context"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"
)

// load sends n requests by each client, in turns, and does the situation's
// trouble to the server meanwhile. It returns how often.
func (s *situation) load(ctx context.Context, srv *running, clients []*client, n int) (troubles int, err error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var next atomic.Int64
	due := make(chan struct{}, 1)
	done := make(chan struct{})
	go func() {
		defer close(done)
		for range due {
			if s.trouble == kill && srv.kills > 0 && troubles == srv.kills {
				continue
			}
			if err := srv.trouble(s.trouble); err != nil {
				cancel(err)
			}
			troubles++
		}
	}()
	major := 1
	if s.conf.H2 {
		major = 2
	}
	one := func(i int) {
		if s.trouble != none && i%each == each-1 {
			select {
			case due <- struct{}{}:
			default: // the last one is not over
			}
		}
		k := &s.kinds[i%len(s.kinds)]
		for j := range clients { // each is the first as often as the others
			c := clients[(i+j)%len(clients)]
			c.do(ctx, k, srv.URL, i, major)
			if s.trouble != none && c.attempts[i].failed {
				time.Sleep(20 * time.Millisecond) // it may be down: let it come back
			}
		}
	}
	var wg sync.WaitGroup
	if s.burst {
		for start := 0; start < n && ctx.Err() == nil; start += s.workers {
			for i := start; i < min(start+s.workers, n); i++ {
				wg.Go(func() { one(i) })
			}
			wg.Wait()
			time.Sleep(around(s.conf.Idle))
		}
	} else {
		for range s.workers {
			wg.Go(func() {
				for i := int(next.Add(1)) - 1; i < n && ctx.Err() == nil; i = int(next.Add(1)) - 1 {
					one(i)
				}
			})
		}
	}
	wg.Wait()
	close(due)
	<-done
	return troubles, context.Cause(ctx)
}

// each is how many requests lie between two troubles, at least.
const each = 250

// around is a time about the given one: from a twentieth below it to as much
// above.
func around(d time.Duration) time.Duration {
	return d - d/20 + rand.N(d/10)
}
