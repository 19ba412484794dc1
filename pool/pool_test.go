package pool_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/warmconn/warmconn/drain"
	"github.com/warmconn/warmconn/internal/eventually"
	"github.com/warmconn/warmconn/internal/fullsize"
	"github.com/warmconn/warmconn/internal/testserver"
	"github.com/warmconn/warmconn/pool"
	"github.com/warmconn/warmconn/roundtripper"
)

func hello(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "hello") }

// get makes one request and reads its body.
func get(c *http.Client, url string) error { return getIn(context.Background(), c, url) }

// getIn is get with the context ctx.
func getIn(ctx context.Context, c *http.Client, url string) error {
	req, err := http.NewRequestWithContext(ctx, "GET", url, nil)
	if err != nil {
		return err
	}
	resp, err := c.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	_, err = io.Copy(io.Discard, resp.Body)
	return err
}

// I2: bodies that are never closed.
func TestForgottenBodiesComeBack(t *testing.T) {
	t.Parallel()
	for _, drains := range []bool{false, true} {
		for _, secure := range []bool{false, true} {
			t.Run(fmt.Sprintf("drain=%v/tls=%v", drains, secure), func(t *testing.T) {
				srv := testserver.New(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
					w.(http.Flusher).Flush() // chunked: net/http keeps the Response
					io.WriteString(w, strings.Repeat("x", 8<<10))
				}), testserver.Options{TLS: secure})
				defer srv.Close()
				var mu sync.Mutex
				var leaks []pool.Leak
				p := pool.New(pool.Options{OnLeak: func(l pool.Leak) {
					mu.Lock()
					leaks = append(leaks, l)
					mu.Unlock()
				}})
				defer p.Close()
				mw := []roundtripper.Middleware{p.Middleware}
				if drains {
					mw = append([]roundtripper.Middleware{drain.New(drain.Options{Policy: drain.Fixed, MaxTime: time.Minute}).Middleware}, mw...)
				}
				client := roundtripper.Client(&http.Client{Transport: srv.Transport(), Timeout: time.Minute}, mw...)
				n := fullsize.Of(300, 60)
				for i := range n {
					forget(t, client, srv.URL)
					if i%20 == 19 {
						runtime.GC()
						// Clean-ups run on a goroutine of the runtime.
						eventually.True(t, "leaks after a collection", func() bool { return p.Stats().InUse <= 20 })
					}
				}
				eventually.Collected(t, "all leaks", func() bool {
					mu.Lock()
					defer mu.Unlock()
					return len(leaks) == n
				})
				if got := srv.Opened(); got > 60 {
					t.Errorf("%d connections, want at most 60", got)
				}
				s := p.Stats()
				if s.InUse != 0 || s.Leaks != uint64(n) {
					t.Errorf("%d slots in use and %d leaks, want 0 and %d", s.InUse, s.Leaks, n)
				}
				for _, l := range leaks {
					if l.Method != "GET" || l.Host != srv.URL || l.Age <= 0 ||
						!strings.Contains(l.Caller, "pool_test.go:") || !strings.HasSuffix(l.Caller, "pool_test.forget") {
						t.Fatalf("leak %+v, want GET, %s and the caller forget", l, srv.URL)
					}
				}
			})
		}
	}
}

//go:noinline
func forget(t *testing.T, client *http.Client, url string) {
	resp, err := client.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	if resp.StatusCode != 200 {
		t.Fatal(resp.Status)
	}
}

func TestWaitersAreNotStuckBehindForgottenBodies(t *testing.T) {
	t.Parallel()
	srv := testserver.New(http.HandlerFunc(hello), testserver.Options{})
	defer srv.Close()
	p := pool.New(pool.Options{MaxPerHost: 8})
	defer p.Close()
	client := roundtripper.Client(&http.Client{Transport: srv.Transport()}, p.Middleware)
	longest := time.Duration(0)
	for range 40 {
		began := time.Now()
		forget(t, client, srv.URL)
		longest = max(longest, time.Since(began))
	}
	// The pool runs a collection after half a second; the rest is for a busy machine.
	if longest > 10*time.Second {
		t.Errorf("a request waited %v behind forgotten bodies, want at most 10 s", longest)
	}
	t.Logf("longest wait %v", longest)
}

func TestBodiesInHandAreNotTaken(t *testing.T) {
	srv := testserver.New(http.HandlerFunc(hello), testserver.Options{})
	defer srv.Close()
	var leaks atomic.Int32
	p := pool.New(pool.Options{OnLeak: func(pool.Leak) { leaks.Add(1) }})
	defer p.Close()
	client := roundtripper.Client(&http.Client{Transport: srv.Transport()}, drain.New(drain.Options{Policy: drain.Fixed, MaxTime: time.Minute}).Middleware, p.Middleware)
	var bodies []io.ReadCloser
	var responses []*http.Response
	for range 10 {
		resp, err := client.Get(srv.URL)
		if err != nil {
			t.Fatal(err)
		}
		bodies = append(bodies, resp.Body) // only the body is kept
		resp, err = client.Get(srv.URL)
		if err != nil {
			t.Fatal(err)
		}
		responses = append(responses, resp) // only the response is kept
	}
	for range 10 {
		runtime.GC()
	}
	if got := leaks.Load(); got != 0 {
		t.Fatalf("%d bodies were taken away", got)
	}
	for _, r := range responses {
		bodies = append(bodies, r.Body)
	}
	for _, b := range bodies {
		data, err := io.ReadAll(b)
		if string(data) != "hello" || err != nil {
			t.Fatalf("read %q, %v after collections", data, err)
		}
		b.Close()
	}
	if s := p.Stats(); s.InUse != 0 || s.Leaks != 0 {
		t.Errorf("%d slots in use, %d leaks; want 0, 0", s.InUse, s.Leaks)
	}
}

// I3: net/http dials for requests that are then served by a freed connection.
func TestWorkersOpenNoMoreConnectionsThanTheyAre(t *testing.T) {
	t.Parallel()
	const workers = 50
	for _, limit := range []int{0, 8} {
		for _, secure := range []bool{false, true} {
			t.Run(fmt.Sprintf("limit=%d/tls=%v", limit, secure), func(t *testing.T) {
				srv := testserver.New(http.HandlerFunc(hello), testserver.Options{TLS: secure})
				defer srv.Close()
				p := pool.New(pool.Options{MaxPerHost: limit})
				defer p.Close()
				var dials counted
				base := srv.Transport()
				base.DialContext = dials.dial
				client := roundtripper.Client(&http.Client{Transport: base}, p.Middleware)
				load(t, client, srv.URL, workers, fullsize.Of(60, 8))
				want := workers + 2 // without a limit one that is being closed may meet its successor
				if limit > 0 {
					want = limit
				}
				if got := dials.most.Load(); got > int64(want) {
					t.Errorf("%d connections at once, those being dialed included, for %d workers, want at most %d; %d opened, lost %v", got, workers, want, srv.Opened(), p.Stats().Lost)
				}
				// Dials may be under way that no request has needed.
				eventually.True(t, "the pool and the server to agree, with all idle", func() bool {
					s := p.Stats().Hosts[0]
					return s.InUse == 0 && s.Open == srv.Open() && s.Idle == s.Open && int(s.Opened) == srv.Opened()
				})
				runtime.KeepAlive(client) // the figures of its connections go with it
			})
		}
	}
}

func load(t *testing.T, client *http.Client, url string, workers, requests int) {
	t.Helper()
	var wg sync.WaitGroup
	for range workers {
		wg.Go(func() {
			for range requests {
				if err := get(client, url); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	wg.Wait()
}

// I4: a client per request.
func TestDroppedClientsLeaveNoConnections(t *testing.T) {
	t.Parallel()
	n := fullsize.Of(500, 60)
	tests := []struct {
		name   string
		client func(*testserver.Server, *pool.Pool) *http.Client
	}{
		{"a transport each, one pool", func(srv *testserver.Server, p *pool.Pool) *http.Client {
			return roundtripper.Client(&http.Client{Transport: &http.Transport{}}, p.Middleware)
		}},
		{"a transport and a pool each", func(srv *testserver.Server, _ *pool.Pool) *http.Client {
			return roundtripper.Client(&http.Client{Transport: &http.Transport{}}, drain.New(drain.Options{Policy: drain.Fixed, MaxTime: time.Minute}).Middleware, pool.New(pool.Options{}).Middleware)
		}},
		{"a pool's own client each", func(*testserver.Server, *pool.Pool) *http.Client {
			return pool.New(pool.Options{}).Client()
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			srv := testserver.New(http.HandlerFunc(hello), testserver.Options{})
			defer srv.Close()
			p := pool.New(pool.Options{})
			for range n {
				if err := get(tt.client(srv, p), srv.URL); err != nil {
					t.Fatal(err)
				}
			}
			eventually.Collected(t, "connections of dropped clients to close", func() bool {
				return srv.Open() <= 20
			})
		})
	}
}

func TestClientsOverOneBaseShareConnections(t *testing.T) {
	srv := testserver.New(http.HandlerFunc(hello), testserver.Options{})
	defer srv.Close()
	p := pool.New(pool.Options{})
	defer p.Close()
	base := srv.Transport()
	var clients []*http.Client // a client that is collected closes its connections
	for range 20 {
		c, own := roundtripper.Client(&http.Client{Transport: base}, p.Middleware), p.Client()
		if err := errors.Join(get(c, srv.URL), get(own, srv.URL)); err != nil {
			t.Fatal(err)
		}
		clients = append(clients, c, own)
	}
	defer runtime.KeepAlive(clients)
	if got := srv.Opened(); got != 2 {
		t.Errorf("%d connections, want 1 for the 20 clients over one base and 1 for the pool's own; lost %v", got, p.Stats().Lost)
	}
	if base.DialContext != nil || base.MaxIdleConnsPerHost != 0 {
		t.Error("the program's transport was changed")
	}
}

func TestHTTP2StaysOn(t *testing.T) {
	srv := testserver.New(http.HandlerFunc(hello), testserver.Options{HTTP2: true})
	defer srv.Close()
	httptestTLS := srv.ClientTLS()
	protocols := new(http.Protocols)
	protocols.SetHTTP2(true)
	tests := []struct {
		name string
		base *http.Transport
		want int
	}{
		{"force", &http.Transport{TLSClientConfig: httptestTLS, ForceAttemptHTTP2: true}, 2},
		{"protocols", &http.Transport{TLSClientConfig: httptestTLS.Clone(), Protocols: protocols}, 2},
		{"own TLS config", &http.Transport{TLSClientConfig: httptestTLS.Clone()}, 1},
		{"used before", func() *http.Transport {
			base := &http.Transport{TLSClientConfig: httptestTLS.Clone(), ForceAttemptHTTP2: true}
			if err := get(&http.Client{Transport: base}, srv.URL); err != nil {
				t.Fatal(err)
			}
			base.CloseIdleConnections()
			return base
		}(), 2},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			p := pool.New(pool.Options{})
			defer p.Close()
			client := roundtripper.Client(&http.Client{Transport: tt.base}, p.Middleware)
			resp, err := client.Get(srv.URL)
			if err != nil {
				t.Fatal(err)
			}
			defer resp.Body.Close()
			if resp.ProtoMajor != tt.want {
				t.Errorf("HTTP/%d, want HTTP/%d as the transport would without the pool", resp.ProtoMajor, tt.want)
			}
		})
	}
}

// A zero transport speaks HTTP/2 by default, and its Clone does not.
func TestZeroTransportWouldSpeakHTTP2(t *testing.T) {
	p := pool.New(pool.Options{})
	defer p.Close()
	tr := p.Transport(&http.Transport{})
	if !tr.ForceAttemptHTTP2 {
		t.Error("the clone of a zero transport would not speak HTTP/2")
	}
}

func TestManyStreamsStartWithoutALimit(t *testing.T) {
	const n = 200 // below net/http's own MaxConcurrentStreams of 250
	started := make(chan struct{}, n)
	release := make(chan struct{})
	srv := testserver.New(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.(http.Flusher).Flush()
		started <- struct{}{}
		select {
		case <-release:
		case <-r.Context().Done():
		}
	}), testserver.Options{HTTP2: true})
	defer srv.Close()
	p := pool.New(pool.Options{})
	defer p.Close()
	client := roundtripper.Client(&http.Client{Transport: srv.Transport()}, p.Middleware)
	if err := warm(client, srv.URL, release, started); err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	hold := make(chan struct{})
	for range n {
		wg.Go(func() {
			resp, err := client.Get(srv.URL)
			if err != nil {
				t.Error(err)
				return
			}
			<-hold
			resp.Body.Close()
		})
	}
	for range n {
		select {
		case <-started:
		case <-time.After(20 * time.Second):
			t.Fatal("streams did not all start")
		}
	}
	close(hold)
	wg.Wait()
	if got := srv.Opened(); got != 1 {
		t.Errorf("%d connections for %d streams, want 1", got, n)
	}
}

// warm makes a request, so that the HTTP/2 connection is there.
func warm(client *http.Client, url string, release chan struct{}, started chan struct{}) error {
	resp, err := client.Get(url)
	if err != nil {
		return err
	}
	<-started
	return resp.Body.Close()
}

func TestCloseRefusesAndWakes(t *testing.T) {
	srv := testserver.New(http.HandlerFunc(hello), testserver.Options{})
	defer srv.Close()
	p := pool.New(pool.Options{MaxPerHost: 1})
	client := roundtripper.Client(&http.Client{Transport: srv.Transport()}, p.Middleware)
	held, err := client.Get(srv.URL)
	if err != nil {
		t.Fatal(err)
	}
	waited := make(chan error, 1)
	go func() { waited <- get(client, srv.URL) }()
	eventually.True(t, "a waiter", func() bool { return p.Stats().Waiting == 1 })
	p.Close()
	p.Close()
	if err := <-waited; !isErr(err, pool.ErrClosed) {
		t.Errorf("the waiter got %v, want ErrClosed", err)
	}
	if err := get(client, srv.URL); !isErr(err, pool.ErrClosed) {
		t.Errorf("a new request got %v, want ErrClosed", err)
	}
	if data, err := io.ReadAll(held.Body); string(data) != "hello" || err != nil {
		t.Errorf("the body in hand read %q, %v", data, err)
	}
	held.Body.Close()
	eventually.True(t, "the last connection to close", func() bool { return srv.Open() == 0 })
}
