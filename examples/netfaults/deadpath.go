package main

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/warmconn/warmconn/internal/testserver"
	"github.com/warmconn/warmconn/pool"
)

// deadPath: when the network has forgotten a client's connections, each of them costs a
// request that runs into its deadline.
func deadPath(ctx context.Context, variant string) []*row {
	rows := []*row{{proto: "http"}, {proto: "tls"}, {proto: "h2"}}
	var all sync.WaitGroup
	for _, r := range rows {
		if why := testserver.CannotSwallow(); why != "" {
			r.skipped = why
			continue
		}
		all.Go(func() { swallowed(ctx, variant, r) })
	}
	all.Wait()
	return rows
}

func swallowed(ctx context.Context, variant string, r *row) {
	const warm, most, deadline = 8, 20, 300 * time.Millisecond
	var mu sync.Mutex
	var conns []net.Conn
	srv := testserver.New(http.HandlerFunc(hello), testserver.Options{TLS: r.proto == "tls", HTTP2: r.proto == "h2", Config: func(s *http.Server) {
		s.ConnContext = func(ctx context.Context, c net.Conn) context.Context {
			mu.Lock()
			defer mu.Unlock()
			conns = append(conns, c)
			return ctx
		}
	}})
	defer srv.Close()
	client, end := newClient(variant, srv.Transport(), pool.Options{})
	defer end()
	var open []*http.Response
	for range warm {
		resp, err := client.Get(srv.URL)
		if err != nil {
			r.check(false, "%v", err)
			return
		}
		open = append(open, resp)
	}
	for _, resp := range open {
		io.Copy(io.Discard, resp.Body)
		resp.Body.Close()
	}
	mu.Lock()
	for _, c := range conns {
		if err := testserver.Swallow(c); err != nil {
			r.check(false, "%v", err)
		}
	}
	mu.Unlock()
	began := time.Now()
	recovered := false
	for !recovered && r.requests < most && ctx.Err() == nil {
		short, cancel := context.WithTimeout(ctx, deadline)
		_, err := get(short, client, srv.URL)
		cancel()
		r.requests++
		if recovered = err == nil; !recovered {
			r.failed++
		}
	}
	r.conns = srv.Opened()
	r.shows = "never recovered"
	if recovered {
		r.shows = fmt.Sprintf("recovered after %d ms", time.Since(began).Milliseconds())
	}
	if variant == after {
		r.check(recovered && r.failed <= 1, "%d requests failed, want 1 at most", r.failed)
	}
}
