package main

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"sync"
	"sync/atomic"
	"time"

	"github.com/warmconn/warmconn/internal/deadline"
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
	const warm, most = 8, 20
	limit := 300 * time.Millisecond
	var mu sync.Mutex
	var conns []net.Conn // the server's ends
	var ours []net.Conn
	srv := testserver.New(http.HandlerFunc(hello), testserver.Options{TLS: r.proto == "tls", HTTP2: r.proto == "h2", Config: func(s *http.Server) {
		s.ConnContext = func(ctx context.Context, c net.Conn) context.Context {
			mu.Lock()
			defer mu.Unlock()
			conns = append(conns, c)
			return ctx
		}
	}})
	defer srv.Close()
	base := srv.Transport()
	base.DialContext = func(ctx context.Context, network, addr string) (net.Conn, error) {
		c, err := srv.Dial(ctx, network, addr)
		if err == nil {
			mu.Lock()
			defer mu.Unlock()
			ours = append(ours, c)
		}
		return c, err
	}
	client, end := newClient(variant, base, pool.Options{})
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
	swallowed := make(map[string]bool)
	mu.Lock()
	for _, c := range conns {
		if err := testserver.Swallow(c); err != nil {
			r.check(false, "%v", err)
		}
		swallowed[c.RemoteAddr().String()] = true
	}
	// A deadline tells something once the kernel has sent again, which on a machine that was
	// busy during the round trips so far may take longer than usual.
	for _, c := range ours {
		limit = max(limit, 2*rto(c))
	}
	mu.Unlock()
	began := time.Now()
	recovered := false
	for !recovered && r.requests < most && ctx.Err() == nil {
		onDead, err := getWithin(ctx, limit, client, srv.URL, swallowed)
		r.requests++
		switch recovered = err == nil; {
		case recovered:
		case onDead:
			r.failed++
		default: // it had all the time of the program
			r.check(false, "on a new connection: %v", err)
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

// getWithin has a deadline, which runs from the moment on in which the request is on a swallowed
// connection: how long a busy machine takes for a new one is not the question.
func getWithin(ctx context.Context, limit time.Duration, client *http.Client, url string, swallowed map[string]bool) (onDead bool, err error) {
	short, pass := deadline.Below(ctx)
	defer pass()
	var dead atomic.Bool
	traced := httptrace.WithClientTrace(short, &httptrace.ClientTrace{GotConn: func(got httptrace.GotConnInfo) {
		dead.Store(swallowed[got.Conn.LocalAddr().String()])
		time.AfterFunc(limit, func() {
			if dead.Load() {
				pass()
			}
		})
	}})
	_, err = get(traced, client, url)
	return dead.Load(), err
}
