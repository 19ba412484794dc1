package main

import (
	"context"
	"fmt"
	"net/http"
	"sync"
	"sync/atomic"

	"github.com/warmconn/warmconn/internal/testserver"
	"github.com/warmconn/warmconn/pool"
)

// backends: behind a balancer that works by connections, all requests of an HTTP/2 client go
// to one backend.
func backends(ctx context.Context, variant string) []*row {
	const workers, each = 60, 20
	var servers [3]*testserver.Server
	var served [3]atomic.Int64
	for i := range servers {
		servers[i] = testserver.New(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			served[i].Add(1)
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
	r.failed = int(failed.Load())
	r.check(r.failed == 0, "%d requests failed", r.failed)
	third := float64(r.requests) / float64(len(servers))
	for i := range servers {
		r.conns += servers[i].Opened()
		n := float64(served[i].Load())
		if variant == after {
			r.check(n > .8*third && n < 1.2*third, "%.0f requests for a backend, want a third within a fifth", n)
		}
	}
	r.shows = fmt.Sprintf("requests for each: %d, %d, %d", served[0].Load(), served[1].Load(), served[2].Load())
	return []*row{r}
}
