package main

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/warmconn/warmconn/drain"
	"github.com/warmconn/warmconn/internal/deadline"
	"github.com/warmconn/warmconn/pool"
	"github.com/warmconn/warmconn/roundtripper"
)

func start(t *testing.T) *server {
	t.Helper()
	srv, err := startServer()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(srv.Close)
	return srv
}

// stack is the kit over a transport of its own, and what that has told.
type stack struct {
	client *http.Client
	pool   *pool.Pool

	mu  sync.Mutex
	all []roundtripper.Exchange
}

func over(t *testing.T, srv *server) *stack {
	t.Helper()
	base := srv.transport()
	s := &stack{pool: pool.New(pool.Options{})}
	t.Cleanup(func() { s.pool.Close(); base.Close() })
	observe := roundtripper.Observe(roundtripper.Observer{End: func(_ context.Context, e roundtripper.Exchange) {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.all = append(s.all, e)
	}})
	s.client = roundtripper.Client(&http.Client{Transport: base}, observe, drain.New(drain.Options{}).Middleware, s.pool.Middleware)
	return s
}

// check compares what was told with the number of connections that the server has seen.
func (s *stack) check(t *testing.T, requests, conns int) {
	t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	fresh, had := 0, 0
	ids := make(map[uint64]bool)
	for _, e := range s.all {
		if e.ConnID == 0 {
			continue
		}
		had++
		ids[e.ConnID] = true
		if !e.Reused {
			fresh++
		}
		if e.BytesDrained != 0 || e.LostReason != "" {
			t.Fatalf("%v: %d bytes drained, lost for %q; want neither", e, e.BytesDrained, e.LostReason)
		}
		if e.StatusCode != 0 && e.Proto != "HTTP/3.0" {
			t.Fatalf("protocol %q, want HTTP/3.0", e.Proto)
		}
	}
	if had != requests || fresh != conns || len(ids) != conns {
		t.Errorf("%d of %d requests were on a new connection, of %d; want %d of %d, of %d", fresh, had, len(ids), conns, requests, conns)
	}
	if st := s.pool.Stats(); int(st.Opened) != conns || st.Open != 1 || st.Active != 0 {
		t.Errorf("%d opened, %d open, %d active; want %d, 1, 0", st.Opened, st.Open, st.Active, conns)
	}
}

func TestItPrintsOneConnection(t *testing.T) {
	var out strings.Builder
	if err := run(&out, 300); err != nil {
		t.Fatal(err)
	}
	const want = "300 requests: 1 on a new connection, 299 on a reused one, 0 bytes drained; 1 opened, 0 closed\n"
	if out.String() != want {
		t.Errorf("printed %q, want %q", out.String(), want)
	}
}

func TestManyRequestsAtOnceAreOneConnection(t *testing.T) {
	const requests, at1 = 2000, 20
	srv := start(t)
	s := over(t, srv)
	var wg sync.WaitGroup
	for w := range at1 {
		wg.Go(func() {
			for i := w; i < requests; i += at1 {
				var err error
				var resp *http.Response
				switch i % 4 {
				case 0:
					resp, err = s.client.Post(srv.url, "text/plain", strings.NewReader("a body"))
				case 1:
					resp, err = s.client.Get(srv.url + "/none")
				default:
					resp, err = s.client.Get(srv.url)
				}
				if err != nil {
					t.Error(err)
					return
				}
				if i%3 > 0 {
					io.Copy(io.Discard, resp.Body)
				}
				resp.Body.Close()
			}
		})
	}
	wg.Wait()
	s.check(t, requests, int(srv.conns.Load()))
	if n := srv.conns.Load(); n != 1 {
		t.Errorf("the server has seen %d connections, want 1", n)
	}
}

// In the handshake it would be of no use to anybody: a deadline after that ends its stream.
func TestDeadlinesLoseNoConnection(t *testing.T) {
	const requests = 40
	srv := start(t)
	s := over(t, srv)
	resp, err := s.client.Get(srv.url)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	for i := range requests {
		ctx, pass := deadline.Below(t.Context())
		path := "/hang" // whose headers come
		var asking sync.WaitGroup
		if i%2 == 0 {
			path = "/slow"
			asking.Go(func() {
				select {
				case <-srv.asked:
					pass()
				case <-ctx.Done(): // it has failed before
				}
			})
		}
		req, _ := http.NewRequestWithContext(ctx, "GET", srv.url+path, nil)
		if resp, err = s.client.Do(req); err == nil {
			pass()
			_, err = io.Copy(io.Discard, resp.Body)
			resp.Body.Close()
		}
		pass()
		asking.Wait()
		if err == nil || path == "/slow" && !errors.Is(err, context.DeadlineExceeded) { // of a body quic-go tells it in its own words
			t.Fatalf("%s: error %v, want the deadline's", path, err)
		}
	}
	for _, e := range s.all[1:] {
		if e.Outcome != roundtripper.OutcomeCanceled {
			t.Errorf("%v: outcome %s, want canceled", e, e.Outcome)
		}
	}
	s.check(t, 1+requests, 1)
}

// The new connection comes from the same socket to the same address.
func TestConnectionToAServerThatCameBackIsNew(t *testing.T) {
	srv := start(t)
	s := over(t, srv)
	ask := func() error {
		resp, err := s.client.Get(srv.url)
		if err != nil {
			return err
		}
		io.Copy(io.Discard, resp.Body)
		return resp.Body.Close()
	}
	for range 5 {
		if err := ask(); err != nil {
			t.Fatal(err)
		}
	}
	srv.Close()
	again, err := startServerAt(srv.socket.LocalAddr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer again.Close()
	s.client.Transport.(interface{ CloseIdleConnections() }).CloseIdleConnections()
	srv.roots.AddCert(again.cert)
	for range 5 {
		if err := ask(); err != nil {
			t.Fatal(err)
		}
	}
	s.check(t, 10, 2)
}
