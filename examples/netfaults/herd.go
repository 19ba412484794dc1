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

// herdWaits, and a little more, is how long first requests wait for another one's connection:
// where a handshake takes that long, all dial.
const herdWaits = 450 * time.Millisecond

// herd: many first requests at once dial a connection each, where one would do.
func herd(ctx context.Context, variant string) []*row {
	var rows []*row
	for _, proto := range []string{"tls", "h2"} {
		rows = append(rows, herdOver(ctx, variant, proto, testserver.Options{}))
	}
	return rows
}

// herdOver is one row; o are further options of its server.
func herdOver(ctx context.Context, variant, proto string, o testserver.Options) *row {
	const requests = 100
	o.TLS, o.HTTP2 = true, proto == "h2"
	srv := testserver.New(http.HandlerFunc(hello), o)
	defer srv.Close()
	base := srv.Transport()
	base.DialContext = testserver.Distant(srv.Dial, away)
	client, end := newClient(variant, base, pool.Options{})
	defer end()
	r := &row{proto: proto, requests: requests}
	var mu sync.Mutex
	var took []time.Duration
	var answered time.Duration // the first one, after the start of all
	var all sync.WaitGroup
	start := time.Now()
	for range requests {
		all.Go(func() {
			began := time.Now()
			_, err := get(ctx, client, srv.URL)
			mu.Lock()
			defer mu.Unlock()
			took = append(took, time.Since(began))
			if len(took) == 1 {
				answered = time.Since(start)
			}
			if err != nil {
				r.failed++
			}
		})
	}
	all.Wait()
	r.conns = srv.Opened()
	slices.Sort(took)
	r.shows = fmt.Sprintf("median %d ms, last %d ms", took[requests/2].Milliseconds(), took[requests-1].Milliseconds())
	r.check(r.failed == 0, "%d requests failed", r.failed)
	if variant == after {
		most := requests
		if proto == "h2" && answered < herdWaits {
			most = 2
		}
		r.check(r.conns <= most, "%d connections, want %d at most", r.conns, most)
	}
	return r
}
