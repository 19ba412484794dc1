package main

import (
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/warmconn/warmconn/internal/testserver"
	"github.com/warmconn/warmconn/pool"
)

const (
	serverKeeps = 250 * time.Millisecond
	away        = 20 * time.Millisecond // there and back
	learners    = 16                    // clients, each with a host of its own
	posts       = 30                    // of each
	learning    = 8                     // of these
	late        = 2                     // of all may fail, for the machine's sake
)

// idleLimit: POSTs that cross the server's close of an idle connection fail.
func idleLimit(ctx context.Context, variant string) []*row {
	rows := []*row{{proto: "http"}, {proto: "h2"}}
	var all sync.WaitGroup
	for _, r := range rows {
		var mu sync.Mutex
		for n := range learners {
			all.Go(func() {
				failed, conns := postAtGaps(ctx, variant, r.proto == "h2", uint64(n))
				mu.Lock()
				defer mu.Unlock()
				r.requests += posts
				r.failed += failed
				r.conns += conns
			})
		}
	}
	all.Wait()
	for _, r := range rows {
		if variant == after {
			r.check(r.failed <= late, "%d POSTs failed, want %d at most", r.failed, late)
		}
		r.shows = fmt.Sprintf("%.1f %% of POSTs lost", 100*float64(r.failed)/float64(r.requests))
	}
	return rows
}

func postAtGaps(ctx context.Context, variant string, http2 bool, seed uint64) (failed, conns int) {
	srv := testserver.New(http.HandlerFunc(hello), testserver.Options{HTTP2: http2, Config: func(s *http.Server) { s.IdleTimeout = serverKeeps }})
	defer srv.Close()
	base := srv.Transport()
	base.DialContext = testserver.Distant(srv.Dial, away)
	client, end := newClient(variant, base, pool.Options{})
	defer end()
	r := rand.New(rand.NewPCG(seed, 0))
	for n := range posts {
		select {
		case <-time.After(time.Duration(r.Int64N(int64(2 * serverKeeps)))):
		case <-ctx.Done():
			return failed, srv.Opened()
		}
		req, err := http.NewRequestWithContext(ctx, http.MethodPost, srv.URL, io.NopCloser(strings.NewReader("x")))
		if err == nil {
			_, err = send(client, req)
		}
		if err != nil && n >= learning {
			failed++
		}
	}
	return failed, srv.Opened()
}
