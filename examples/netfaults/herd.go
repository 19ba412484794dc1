package main

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/warmconn/warmconn/internal/testserver"
	"github.com/warmconn/warmconn/pool"
)

// herd: many first requests at once dial a connection each, where one would do.
func herd(ctx context.Context, variant string) []*row {
	const requests = 100
	var rows []*row
	for _, proto := range []string{"tls", "h2"} {
		srv := testserver.New(http.HandlerFunc(hello), testserver.Options{TLS: true, HTTP2: proto == "h2"})
		base := srv.Transport()
		base.DialContext = testserver.Distant(srv.Dial, away)
		client, end := newClient(variant, base, pool.Options{})
		r := &row{proto: proto, requests: requests}
		var mu sync.Mutex
		var took []time.Duration
		var all sync.WaitGroup
		for range requests {
			all.Go(func() {
				began := time.Now()
				_, err := get(ctx, client, srv.URL)
				mu.Lock()
				defer mu.Unlock()
				took = append(took, time.Since(began))
				if err != nil {
					r.failed++
				}
			})
		}
		all.Wait()
		end()
		r.conns = srv.Opened()
		slices.Sort(took)
		r.shows = fmt.Sprintf("median %d ms, last %d ms", took[requests/2].Milliseconds(), took[requests-1].Milliseconds())
		r.check(r.failed == 0, "%d requests failed", r.failed)
		if variant == after {
			most := requests
			if proto == "h2" {
				most = 2
			}
			r.check(r.conns <= most, "%d connections, want %d at most", r.conns, most)
		}
		srv.Close()
		rows = append(rows, r)
	}
	return rows
}
