package main

import (
	"fmt"
	"runtime"
	"sync"
	"time"
)

// elsewhere tells how busy other programs keep the machine: how much of a short
// while the processors spend elsewhere when the lab wants them all. The more, the
// less its numbers are worth.
func elsewhere() string {
	const (
		while = 100 * time.Millisecond
		gap   = 200 * time.Microsecond // longer than anything of the lab's own
	)
	var (
		wg    sync.WaitGroup
		mu    sync.Mutex
		away  time.Duration
		procs = runtime.GOMAXPROCS(0)
	)
	for range procs {
		wg.Go(func() {
			var lost time.Duration
			began := time.Now()
			for last := began; last.Sub(began) < while; {
				now := time.Now()
				if d := now.Sub(last); d > gap {
					lost += d
				}
				last = now
			}
			mu.Lock()
			defer mu.Unlock()
			away += lost
		})
	}
	wg.Wait()
	return fmt.Sprintf("%.0f %%", 100*min(1, away.Seconds()/while.Seconds()/float64(procs)))
}
