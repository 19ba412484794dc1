package pool_test

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/warmconn/warmconn/internal/eventually"
	"github.com/warmconn/warmconn/internal/stub"
	"github.com/warmconn/warmconn/internal/testserver"
	"github.com/warmconn/warmconn/pool"
	"github.com/warmconn/warmconn/roundtripper"
)

// crowdServer answers once as many requests have come as it was told to expect.
type crowdServer struct {
	*testserver.Server
	requests atomic.Int32
	mu       sync.Mutex
	missing  int
	all      chan struct{}
}

func newCrowdServer(o testserver.Options) *crowdServer {
	s := &crowdServer{}
	s.Server = testserver.New(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.requests.Add(1)
		s.mu.Lock()
		all := s.all
		if s.missing--; s.missing == 0 {
			close(all)
		}
		s.mu.Unlock()
		<-all
		hello(w, r)
	}), o)
	return s
}

func (s *crowdServer) expect(n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.missing, s.all = n, make(chan struct{})
}

// exchanges collects the Exchanges of an Observer.
type exchanges struct {
	mu  sync.Mutex
	all []roundtripper.Exchange
}

func (l *exchanges) middleware() roundtripper.Middleware {
	return roundtripper.Observe(roundtripper.Observer{End: func(_ context.Context, e roundtripper.Exchange) {
		l.mu.Lock()
		defer l.mu.Unlock()
		l.all = append(l.all, e)
	}})
}

// burst sends n requests at once, and returns the time of the slowest.
func burst(t *testing.T, client *http.Client, url string, n int) (slowest time.Duration) {
	t.Helper()
	var mu sync.Mutex
	var wg sync.WaitGroup
	began := time.Now()
	for range n {
		wg.Go(func() {
			if err := get(client, url); err != nil {
				t.Error(err)
			}
			mu.Lock()
			defer mu.Unlock()
			slowest = max(slowest, time.Since(began))
		})
	}
	wg.Wait()
	return slowest
}

// After Warm the first burst finds a connection for each request: the server and the kernel have
// them before the first request.
func TestTheFirstBurstAfterWarmDialsNothing(t *testing.T) {
	const n = 16
	for _, row := range []struct {
		name string
		opts testserver.Options
		want int // connections
	}{
		{"http", testserver.Options{}, n},
		{"https", testserver.Options{TLS: true}, n},
		{"h2", testserver.Options{HTTP2: true}, 1},
	} {
		t.Run(row.name, func(t *testing.T) {
			var slowest [2]time.Duration
			var dials [2]int
			for i, warm := range []bool{false, true} {
				srv := newCrowdServer(row.opts)
				defer srv.Close()
				var seen exchanges
				p := pool.New(pool.Options{})
				defer p.Close()
				client := roundtripper.Client(&http.Client{Transport: srv.Transport()}, seen.middleware(), p.Middleware)
				if warm {
					ready, err := p.Warm(t.Context(), client.Transport, srv.URL+"/any?path", n)
					if ready != row.want || err != nil {
						t.Fatalf("Warm said %d, %v; want %d", ready, err, row.want)
					}
					eventually.True(t, "the server to have accepted all", func() bool { return srv.Opened() >= row.want })
					if got := srv.requests.Load(); got != 0 || srv.Opened() != row.want {
						t.Errorf("the server has seen %d requests and %d connections, want none and %d", got, srv.Opened(), row.want)
					}
					if sockets, ok := srv.Established(); ok && sockets != row.want {
						t.Errorf("the kernel has %d connections, want %d", sockets, row.want)
					}
					if s := p.Stats(); s.Idle != row.want || s.InUse != 0 || s.Counters.Requests != 0 {
						t.Errorf("stats before the first request: %+v", s)
					}
				}
				before := srv.Opened()
				srv.expect(n)
				slowest[i] = burst(t, client, srv.URL, n)
				dials[i] = srv.Opened() - before
				if !warm {
					continue
				}
				if dials[i] != 0 {
					t.Errorf("the requests dialed %d times", dials[i])
				}
				first := 0
				for _, e := range seen.all {
					switch {
					case e.OwnDial || row.want == n && e.ConnWait != 0:
						t.Errorf("own dial %v, waited %v", e.OwnDial, e.ConnWait)
					case e.NewReason == roundtripper.ReasonFirst:
						first++
					case row.want == n && e.NewReason != roundtripper.ReasonAllBusy, row.want == 1 && !e.Reused:
						t.Errorf("reused %v, new because %q", e.Reused, e.NewReason)
					}
				}
				if first != 1 {
					t.Errorf("%d were the first, want 1", first)
				}
			}
			t.Logf("%s: the first burst of %d: cold %d dials, the slowest %v; warmed %d dials, the slowest %v",
				row.name, n, dials[0], slowest[0].Round(time.Microsecond), dials[1], slowest[1].Round(time.Microsecond))
		})
	}
}

// Warm makes exactly as many connections as limits allow, and its error names the limit.
func TestWarmKeepsToTheLimits(t *testing.T) {
	for _, row := range []struct {
		name string
		o    pool.Options
		base func(*http.Transport)
		h2   bool
		want int
		says string
	}{
		{"MaxPerHost", pool.Options{MaxPerHost: 3}, nil, false, 3, "MaxPerHost"},
		{"a host's own limit", pool.Options{MaxPerHost: 30, Hosts: map[string]pool.Limits{"127.0.0.1": {MaxPerHost: 4}}}, nil, false, 4, "MaxPerHost"},
		{"MaxConnsPerHost", pool.Options{}, func(b *http.Transport) { b.MaxConnsPerHost = 2 }, false, 2, "MaxConnsPerHost"},
		{"MaxIdlePerHost", pool.Options{MaxIdlePerHost: 5}, nil, false, 5, "MaxIdlePerHost"},
		{"MaxIdleConns", pool.Options{}, func(b *http.Transport) { b.MaxIdleConns = 6 }, false, 6, "MaxIdleConns"},
		{"MaxIdlePerHost below 0", pool.Options{MaxIdlePerHost: -1}, nil, false, 0, "keep-alives are off"},
		{"DisableKeepAlives", pool.Options{}, func(b *http.Transport) { b.DisableKeepAlives = true }, false, 0, "keep-alives are off"},
		{"DisableKeepAlives over HTTP/2", pool.Options{}, func(b *http.Transport) { b.DisableKeepAlives = true }, true, 0, "keep-alives are off"},
		{"MaxPerHost over HTTP/2", pool.Options{MaxPerHost: 1}, nil, true, 1, ""},
		{"MaxIdlePerHost below 0 over HTTP/2", pool.Options{MaxIdlePerHost: -1}, nil, true, 1, ""},
	} {
		t.Run(row.name, func(t *testing.T) {
			srv := testserver.New(http.HandlerFunc(hello), testserver.Options{HTTP2: row.h2})
			defer srv.Close()
			base := srv.Transport()
			if row.base != nil {
				row.base(base)
			}
			p := pool.New(row.o)
			defer p.Close()
			rt := p.Middleware(base)
			for range 2 {
				n, err := p.Warm(t.Context(), rt, srv.URL, 8)
				if n != row.want || (err == nil) != (row.says == "") || err != nil && !strings.Contains(err.Error(), row.says) {
					t.Errorf("%d ready, %v; want %d, and %q", n, err, row.want, row.says)
				}
			}
			if n := p.Stats().Opened; n != uint64(row.want) {
				t.Errorf("%d connections were made, want %d", n, row.want)
			}
			if row.want > 0 { // as many as it allows are no error
				if n, err := p.Warm(t.Context(), rt, srv.URL, row.want); n != row.want || err != nil {
					t.Errorf("Warm of %d: %d, %v", row.want, n, err)
				}
			}
		})
	}
}

// If only HTTP/2 connections are kept, one dial shows that the host does not speak HTTP/2.
func TestWarmFindsOutThatNothingIsKept(t *testing.T) {
	srv := testserver.New(http.HandlerFunc(hello), testserver.Options{TLS: true})
	defer srv.Close()
	p := pool.New(pool.Options{MaxIdlePerHost: -1})
	defer p.Close()
	rt := p.Middleware(srv.Transport())
	for range 2 {
		if n, err := p.Warm(t.Context(), rt, srv.URL, 8); n != 0 || err == nil || !strings.Contains(err.Error(), "keep-alives are off") {
			t.Errorf("%d ready, %v; want none, for keep-alives are off", n, err)
		}
	}
	eventually.True(t, "the one to be closed", func() bool { return p.Stats().Open == 0 })
	if s := p.Stats(); s.Opened != 1 || s.Lost["unused"] != 1 {
		t.Errorf("%d were made, lost %v; want one, unused", s.Opened, s.Lost)
	}
}

// TestWarmedConnectionsAndRequestsShareALimit: one connection in use leaves room for two.
func TestWarmedConnectionsAndRequestsShareALimit(t *testing.T) {
	release := make(chan struct{})
	srv := testserver.New(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.(http.Flusher).Flush()
		<-release
	}), testserver.Options{})
	defer srv.Close()
	p := pool.New(pool.Options{MaxPerHost: 3})
	defer p.Close()
	client := &http.Client{Transport: p.Middleware(srv.Transport())}
	resp, err := client.Get(srv.URL)
	if err != nil {
		t.Fatal(err)
	}
	if n, err := p.Warm(t.Context(), client.Transport, srv.URL, 3); n != 2 || err == nil {
		t.Errorf("%d ready, %v; want 2 and the limit", n, err)
	}
	close(release)
	resp.Body.Close()
	if n := p.Stats().Opened; n != 3 {
		t.Errorf("%d connections, the limit is 3", n)
	}
}

func TestWarmSaysWhyADialFailed(t *testing.T) {
	const gone = "http://gone.example"
	p := pool.New(pool.Options{})
	defer p.Close()
	rt := p.Middleware(&http.Transport{DialContext: func(_ context.Context, network, _ string) (net.Conn, error) {
		return nil, &net.OpError{Op: "dial", Net: network, Err: syscall.ECONNREFUSED}
	}})
	if n, err := p.Warm(t.Context(), rt, gone, 3); n != 0 || !errors.Is(err, syscall.ECONNREFUSED) {
		t.Errorf("%d ready, %v; want ECONNREFUSED", n, err)
	}
	for _, bad := range []string{"ftp://example.com", "http://", ":", "/path"} {
		if n, err := p.Warm(t.Context(), rt, bad, 3); n != 0 || err == nil {
			t.Errorf("%q: %d ready, %v", bad, n, err)
		}
	}
	foreign := roundtripper.Func(func(*http.Request) (*http.Response, error) { return nil, errors.New("not to be asked") })
	for _, rt := range []http.RoundTripper{
		p.Middleware(foreign),
		roundtripper.Wrap(&http.Transport{TLSNextProto: map[string]func(string, *tls.Conn) http.RoundTripper{"x": nil}}, roundtripper.Observe(roundtripper.Observer{}), p.Middleware),
	} {
		_, err := p.Warm(t.Context(), rt, gone, 3)
		if err == nil || !strings.Contains(roundtripper.Describe(rt), err.Error()) || !strings.Contains(err.Error(), "only counts requests: ") {
			t.Errorf("the error is %q, Describe says %q", err, roundtripper.Describe(rt))
		}
	}
	if _, err := p.Warm(t.Context(), pool.New(pool.Options{}).Middleware(&http.Transport{}), gone, 3); err == nil || !strings.Contains(err.Error(), "no layer") {
		t.Errorf("another Pool's stack: %v", err)
	}
	p.Close()
	if n, err := p.Warm(t.Context(), rt, gone, 3); n != 0 || err != pool.ErrClosed {
		t.Errorf("after Close: %d ready, %v", n, err)
	}
}

// Some dials fail: the other connections are ready, and the error is the first dial's.
func TestWarmCountsWhatIsReadyBesideAFailure(t *testing.T) {
	srv := testserver.New(http.HandlerFunc(hello), testserver.Options{})
	defer srv.Close()
	base := srv.Transport()
	var dials atomic.Int32
	refused := errors.New("refused")
	base.DialContext = func(ctx context.Context, network, addr string) (net.Conn, error) {
		if dials.Add(1)%3 == 0 {
			return nil, refused
		}
		return srv.Dial(ctx, network, addr)
	}
	p := pool.New(pool.Options{})
	defer p.Close()
	n, err := p.Warm(t.Context(), p.Middleware(base), srv.URL, 6)
	if n != 4 || err != refused || dials.Load() != 6 {
		t.Errorf("%d ready by %d dials, %v; want 4 by 6, refused", n, dials.Load(), err)
	}
}

// A server that closes each connection is dialed no more often than n times.
func TestWarmDoesNotDialForEverWhereTheServerHangsUp(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			c.Close()
		}
	}()
	base := &http.Transport{}
	var dials atomic.Int32
	base.DialContext = func(ctx context.Context, network, addr string) (net.Conn, error) {
		dials.Add(1)
		return new(net.Dialer).DialContext(ctx, network, addr)
	}
	p := pool.New(pool.Options{})
	defer p.Close()
	n, err := p.Warm(t.Context(), p.Middleware(base), "http://"+l.Addr().String(), 8)
	if d := dials.Load(); d > 8 || n < 8 && err == nil {
		t.Errorf("%d dials, %d ready, %v; want at most 8 dials", d, n, err)
	}
}

// When its context ends Warm returns. A handshake that hangs goes on, as for a request that has
// given up: when it is done, its connection is ready.
func TestWarmGivesUpWithItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv := testserver.New(http.HandlerFunc(hello), testserver.Options{TLS: true, Memory: true})
		defer srv.Close()
		base := srv.Transport()
		var dials atomic.Int32
		base.DialContext = func(ctx context.Context, network, addr string) (net.Conn, error) {
			if dials.Add(1) > 2 {
				time.Sleep(5 * time.Second)
			}
			return srv.Dial(ctx, network, addr)
		}
		p := pool.New(pool.Options{})
		defer p.Close()
		rt := p.Middleware(base)
		defer roundtripper.CloseIdleConnections(rt) // see inBubble
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		began := time.Now()
		n, err := p.Warm(ctx, rt, srv.URL, 4)
		if n != 2 || err != context.DeadlineExceeded || time.Since(began) != time.Second {
			t.Errorf("%d ready, %v after %v; want 2 and the deadline after a second", n, err, time.Since(began))
		}
		time.Sleep(5 * time.Second)
		synctest.Wait()
		if n, err := p.Warm(ctx, rt, srv.URL, 4); n != 4 || err != nil || dials.Load() != 4 {
			t.Errorf("later %d are ready by %d dials, %v; want 4 by 4, though the context has ended", n, dials.Load(), err)
		}
		if n, err := p.Warm(ctx, rt, srv.URL, 5); n != 4 || err != context.DeadlineExceeded || dials.Load() != 4 {
			t.Errorf("with a context that has ended: %d ready by %d dials, %v", n, dials.Load(), err)
		}
	})
}

// The server accepts connections, and never answers a handshake.
func TestAHandshakeThatHangsEndsWithTheTransportsTimeout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		base := &http.Transport{TLSHandshakeTimeout: 3 * time.Second, ForceAttemptHTTP2: true}
		var ends []net.Conn
		base.DialContext = func(context.Context, string, string) (net.Conn, error) {
			near, far := net.Pipe()
			ends = append(ends, far)
			go io.Copy(io.Discard, far)
			return near, nil
		}
		p := pool.New(pool.Options{})
		defer p.Close()
		began := time.Now()
		n, err := p.Warm(t.Context(), p.Middleware(base), "https://example.com", 4)
		var timeout net.Error
		if n != 0 || !errors.As(err, &timeout) || !timeout.Timeout() || time.Since(began) != 3*time.Second || len(ends) != 1 {
			t.Errorf("%d ready, %v after %v, by %d dials; want a time-out after 3 s, by one: the protocol is not known", n, err, time.Since(began), len(ends))
		}
		for _, c := range ends {
			c.Close()
		}
	})
}

// Close ends a Warm that waits, and breaks its dials off.
func TestCloseEndsWarm(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		base := &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			<-ctx.Done()
			return nil, ctx.Err()
		}}
		p := pool.New(pool.Options{})
		rt := p.Middleware(base)
		defer roundtripper.CloseIdleConnections(rt) // see inBubble
		done := make(chan error)
		go func() {
			_, err := p.Warm(t.Context(), rt, "http://example.com", 4)
			done <- err
		}()
		synctest.Wait()
		p.Close()
		if err := <-done; err != pool.ErrClosed {
			t.Errorf("got %v, want ErrClosed", err)
		}
	})
}

// Calls of Warm and requests at the same time make no more dials than one after the other.
func TestWarmAndRequestsTogetherDialNoMoreThanIsNeeded(t *testing.T) {
	for _, row := range []struct {
		name string
		opts testserver.Options
		most int
	}{
		{"http", testserver.Options{}, 10 + 6},
		{"https", testserver.Options{TLS: true}, 10 + 6},
		{"h2", testserver.Options{HTTP2: true}, 1},
	} {
		t.Run(row.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				row.opts.Memory = true
				srv := newCrowdServer(row.opts)
				defer srv.Close()
				base := srv.Transport()
				var dials atomic.Int32
				base.DialContext = func(ctx context.Context, network, addr string) (net.Conn, error) {
					dials.Add(1)
					time.Sleep(20 * time.Millisecond)
					return srv.Dial(ctx, network, addr)
				}
				p := pool.New(pool.Options{})
				defer p.Close()
				client := &http.Client{Transport: p.Middleware(base)}
				defer client.CloseIdleConnections() // see inBubble
				srv.expect(6)
				var wg sync.WaitGroup
				for i := range 4 {
					wg.Go(func() {
						time.Sleep(time.Duration(i) * 7 * time.Millisecond)
						if n, err := p.Warm(t.Context(), client.Transport, srv.URL, 10); err != nil || n < 10 && n != row.most {
							t.Errorf("Warm said %d, %v", n, err)
						}
					})
				}
				for i := range 6 {
					wg.Go(func() {
						time.Sleep(time.Duration(i) * 5 * time.Millisecond)
						if err := get(client, srv.URL); err != nil {
							t.Error(err)
						}
					})
				}
				wg.Wait()
				n := int(dials.Load())
				t.Logf("4 × Warm of 10 and 6 requests: %d dials", n)
				if n > row.most || row.most > 1 && n < 10 {
					t.Errorf("%d dials, want at most %d", n, row.most)
				}
			})
		})
	}
}

// Warm connects as a request does: to the proxy by which a GET of the URL is sent.
func TestWarmGoesByTheProxyOfARequest(t *testing.T) {
	srv := testserver.New(http.HandlerFunc(hello), testserver.Options{}) // a proxy for plain http gets the request itself
	defer srv.Close()
	base := &http.Transport{Proxy: func(req *http.Request) (*url.URL, error) {
		if req.Method != "GET" || req.URL.Host != "nowhere.example" || req.URL.Path != "/by" || req.Context().Value(warmKey{}) != "ctx" {
			return nil, fmt.Errorf("asked with %s %s", req.Method, req.URL)
		}
		return url.Parse(srv.URL)
	}}
	p := pool.New(pool.Options{MaxPerHost: 5})
	defer p.Close()
	client := &http.Client{Transport: p.Middleware(base)}
	ctx := context.WithValue(t.Context(), warmKey{}, "ctx")
	if n, err := p.Warm(ctx, client.Transport, "http://nowhere.example/by", 3); n != 3 || err != nil {
		t.Fatalf("%d ready, %v", n, err)
	}
	req, _ := http.NewRequestWithContext(ctx, "GET", "http://nowhere.example/by", nil)
	resp, err := client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if n := p.Stats().Opened; n != 3 {
		t.Errorf("%d connections to the proxy, want the 3 that were ready", n)
	}
	refused := errors.New("no proxy today")
	none := &http.Transport{Proxy: func(*http.Request) (*url.URL, error) { return nil, refused }}
	if n, err := p.Warm(ctx, p.Middleware(none), srv.URL, 3); n != 0 || err != refused {
		t.Errorf("%d ready, %v; want the proxy function's error", n, err)
	}
}

type warmKey struct{}

// A connection that no request ever had counts as unused, for any reason of its close.
func TestWarmedConnectionsThatNoRequestHadAreUnused(t *testing.T) {
	inBubble(t, hello, testserver.Options{}, pool.Options{IdleTimeout: time.Minute, MaxIdlePerHost: 10}, func(srv *testserver.Server, p *pool.Pool, client *http.Client) {
		if n, err := p.Warm(context.Background(), client.Transport, srv.URL, 5); n != 5 || err != nil {
			t.Fatalf("%d ready, %v", n, err)
		}
		if err := get(client, srv.URL); err != nil {
			t.Fatal(err)
		}
		time.Sleep(2 * time.Minute)
		synctest.Wait()
		s := p.Stats()
		if s.Open != 0 || s.Lost["unused"] != 4 || s.Lost[roundtripper.ReasonIdleTimeout] != 1 {
			t.Errorf("%d open, lost %v; want 4 unused and one for idle_timeout", s.Open, s.Lost)
		}
	})
}

// Connections that Warm makes after CloseIdleConnections are kept, as with a request.
func TestWarmAfterCloseIdleConnections(t *testing.T) {
	srv := testserver.New(http.HandlerFunc(hello), testserver.Options{})
	defer srv.Close()
	p := pool.New(pool.Options{})
	defer p.Close()
	rt := p.Middleware(srv.Transport())
	for range 2 {
		if n, err := p.Warm(t.Context(), rt, srv.URL, 4); n != 4 || err != nil {
			t.Errorf("%d ready, %v", n, err)
		}
		p.CloseIdleConnections()
		eventually.True(t, "all to close", func() bool { return srv.Open() == 0 })
	}
	if n := p.Stats().Opened; n != 8 {
		t.Errorf("%d connections, want twice 4", n)
	}
}

// A dial of Warm that hangs holds up a request no longer than another request's dial would.
func TestARequestIsNotHeldUpByADialOfWarm(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv := testserver.New(http.HandlerFunc(hello), testserver.Options{Memory: true})
		defer srv.Close()
		base := srv.Transport()
		var dials atomic.Int32
		base.DialContext = func(ctx context.Context, network, addr string) (net.Conn, error) {
			if dials.Add(1) == 1 {
				<-ctx.Done()
				return nil, ctx.Err()
			}
			return srv.Dial(ctx, network, addr)
		}
		for _, o := range []pool.Options{{}, {MaxPerHost: 1}} {
			dials.Store(0)
			p := pool.New(o)
			client := &http.Client{Transport: p.Middleware(base)}
			ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
			if n, err := p.Warm(ctx, client.Transport, srv.URL, 1); n != 0 || err == nil {
				t.Errorf("%d ready, %v", n, err)
			}
			cancel()
			began := time.Now()
			if err := get(client, srv.URL); err != nil {
				t.Fatal(err)
			}
			if took := time.Since(began); took > 1500*time.Millisecond {
				t.Errorf("with MaxPerHost %d the request took %v", o.MaxPerHost, took)
			}
			client.CloseIdleConnections() // see inBubble
			p.Close()
		}
	})
}

// A nil RoundTripper stands for the Transport of Client.
func TestWarmOfNilIsClients(t *testing.T) {
	srv := testserver.New(http.HandlerFunc(hello), testserver.Options{})
	defer srv.Close()
	p := pool.New(pool.Options{})
	defer p.Close()
	client := p.Client()
	if n, err := p.Warm(t.Context(), nil, srv.URL, 3); n != 3 || err != nil {
		t.Fatalf("%d ready, %v", n, err)
	}
	if err := get(client, srv.URL); err != nil {
		t.Fatal(err)
	}
	if n := p.Stats().Opened; n != 3 {
		t.Errorf("%d connections, want 3", n)
	}
}

// Foreign middleware may stand between if it can be looked through.
func TestWarmFindsTheStackBelowOtherMiddleware(t *testing.T) {
	srv := testserver.New(http.HandlerFunc(hello), testserver.Options{})
	defer srv.Close()
	p := pool.New(pool.Options{})
	defer p.Close()
	pass := func(next http.RoundTripper) http.RoundTripper {
		return roundtripper.Layer(next, func(req *http.Request) (*http.Response, error) { return next.RoundTrip(req) })
	}
	rt := roundtripper.Wrap(srv.Transport(), pass, p.Middleware, pass, p.Middleware)
	if n, err := p.Warm(t.Context(), rt, srv.URL, 3); n != 3 || err != nil {
		t.Errorf("%d ready, %v", n, err)
	}
	if n, err := p.Warm(t.Context(), roundtripper.Facade(rt), srv.URL, 3); n != 3 || err != nil || p.Stats().Opened != 3 {
		t.Errorf("through a Facade %d ready, %v; %d connections", n, err, p.Stats().Opened)
	}
	if _, err := p.Warm(t.Context(), stub.Transport{}, srv.URL, 3); err == nil {
		t.Error("no error for a RoundTripper that is no stack")
	}
}

// A used connection is chosen before one that Warm has made. So a request that gets a new one has
// found all others busy.
func TestAUsedConnectionComesBeforeAWarmedOne(t *testing.T) {
	inBubble(t, hello, testserver.Options{}, pool.Options{}, func(srv *testserver.Server, p *pool.Pool, client *http.Client) {
		var seen exchanges
		client = roundtripper.Client(client, seen.middleware())
		for range 2 {
			if err := get(client, srv.URL); err != nil {
				t.Fatal(err)
			}
			synctest.Wait()
			if n, err := p.Warm(context.Background(), client.Transport, srv.URL, 3); n != 3 || err != nil {
				t.Errorf("%d ready, %v", n, err)
			}
		}
		if n := p.Stats().Opened; !seen.all[1].Reused || n != 3 {
			t.Errorf("the second request reused %v, new because %q; %d made", seen.all[1].Reused, seen.all[1].NewReason, n)
		}
	})
}

// If a connection is lost, and the next request gets a warmed one, the loss is the reason why
// that is new.
func TestAWarmedConnectionIsNewForALoss(t *testing.T) {
	inBubble(t, hello, testserver.Options{}, pool.Options{MaxConnRequests: 1}, func(srv *testserver.Server, p *pool.Pool, client *http.Client) {
		var seen exchanges
		client = roundtripper.Client(client, seen.middleware())
		if n, err := p.Warm(context.Background(), client.Transport, srv.URL, 3); n != 3 || err != nil {
			t.Errorf("%d ready, %v", n, err)
		}
		for range 3 {
			if err := get(client, srv.URL); err != nil {
				t.Fatal(err)
			}
			synctest.Wait()
		}
		for i, want := range []roundtripper.NewReason{roundtripper.ReasonFirst, roundtripper.ReasonMaxRequests, roundtripper.ReasonMaxRequests} {
			if e := seen.all[i]; e.NewReason != want || e.OwnDial {
				t.Errorf("request %d: new because %q, own dial %v; want %q", i, e.NewReason, e.OwnDial, want)
			}
		}
	})
}

// A limit beyond 32 bits is no small one.
func TestWarmTakesALimitBeyond32BitsAsItIs(t *testing.T) {
	limit, err := strconv.Atoi("4294967297") // 1 in 32 bits
	if err != nil {
		t.Skip(err)
	}
	srv := testserver.New(http.HandlerFunc(hello), testserver.Options{})
	defer srv.Close()
	p := pool.New(pool.Options{MaxPerHost: limit})
	defer p.Close()
	if n, err := p.Warm(t.Context(), p.Middleware(&http.Transport{}), srv.URL, 3); n != 3 || err != nil {
		t.Errorf("%d connections are ready, error %v; want 3", n, err)
	}
}
