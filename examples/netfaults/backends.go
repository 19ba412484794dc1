package main

import (
	"context"
	"fmt"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/warmconn/warmconn/internal/testserver"
	"github.com/warmconn/warmconn/pool"
)

// backends: behind a balancer that works by connections, all requests of an HTTP/2 client go
// to one backend.
func backends(ctx context.Context, variant string) []*row {
	const workers, each = 60, 20
	var servers [3]*testserver.Server
	var served, now, most [3]atomic.Int64
	for i := range servers {
		servers[i] = testserver.New(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			served[i].Add(1)
			n := now[i].Add(1)
			defer now[i].Add(-1)
			for m := most[i].Load(); n > m && !most[i].CompareAndSwap(m, n); m = most[i].Load() {
			}
			time.Sleep(20 * time.Millisecond) // what the work takes
			hello(w, r)
		}), testserver.Options{HTTP2: true})
		defer servers[i].Close()
	}
	base := servers[0].Transport() // all have the same certificate
	base.DialContext = testserver.InTurn(servers[:]...)
	client, end := newClient(variant, base, pool.Options{MinHTTP2Conns: len(servers)})
	defer end()
	r := &row{proto: "h2", requests: workers * each}
	if _, err := get(ctx, client, servers[0].URL); err != nil { // the host is known to speak HTTP/2
		r.check(false, "the first request: %v", err)
		return []*row{r}
	}
	var failed atomic.Int64
	round := func() {
		for i := range served {
			failed.Store(0)
			served[i].Store(0)
			most[i].Store(0)
		}
		var all sync.WaitGroup
		for range workers {
			all.Go(func() {
				for range each {
					if _, err := get(ctx, client, servers[0].URL); err != nil {
						failed.Add(1)
					}
				}
			})
		}
		all.Wait()
	}
	// Requests go over the connections that there are: while the first ones dial, all go over one.
	// So no round counts before one in which each backend has had requests: that is the first,
	// unless the machine is so busy that handshakes take as long.
	for n := 0; n < 1 || variant == after && n < 5 && min(served[0].Load(), served[1].Load(), served[2].Load()) == 0; n++ {
		round()
	}
	round()
	r.failed = int(failed.Load())
	r.check(r.failed == 0, "%d requests failed", r.failed)
	for i := range servers {
		r.conns += servers[i].Opened()
		if variant == after { // a backend that is faster has more requests, but not more at once
			r.check(served[i].Load() >= workers*each/10, "%d requests for a backend, want a tenth at least", served[i].Load())
			r.check(most[i].Load() <= workers/int64(len(servers)), "%d requests at once for a backend, want a third of %d", most[i].Load(), workers)
		}
	}
	r.shows = fmt.Sprintf("requests for each: %d, %d, %d; at most %d, %d, %d at once", served[0].Load(), served[1].Load(), served[2].Load(),
		most[0].Load(), most[1].Load(), most[2].Load())
	return []*row{r}
}
