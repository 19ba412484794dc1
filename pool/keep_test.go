package pool_test

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/warmconn/warmconn/internal/testserver"
	"github.com/warmconn/warmconn/pool"
	"github.com/warmconn/warmconn/roundtripper"
)

// inBubble runs f in a bubble, with a server in memory and a client over a Pool.
func inBubble(t *testing.T, h http.HandlerFunc, o testserver.Options, p pool.Options, f func(*testserver.Server, *pool.Pool, *http.Client)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		o.Memory = true
		srv := testserver.New(h, o)
		defer srv.Close()
		p := pool.New(p)
		defer p.Close()
		client := roundtripper.Client(&http.Client{Transport: srv.Transport()}, p.Middleware)
		defer client.CloseIdleConnections() // and not by the collector, outside of the bubble
		f(srv, p, client)
	})
}

// makeIdle makes n idle connections; over HTTP/2 it makes one.
func makeIdle(t *testing.T, client *http.Client, url string, n int) {
	t.Helper()
	var all []*http.Response
	for range n {
		resp, err := client.Get(url)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, resp)
	}
	for _, resp := range all {
		io.Copy(io.Discard, resp.Body)
		resp.Body.Close()
	}
}

// together makes n requests that are in flight at the same time, in a bubble.
func together(t *testing.T, client *http.Client, url string, n int) {
	t.Helper()
	makeIdle(t, client, url, n)
	synctest.Wait()
}

func TestIdleConnectionIsRetiredAtItsAge(t *testing.T) {
	for _, proto := range overProtocols {
		t.Run(proto.name, func(t *testing.T) {
			inBubble(t, hello, proto.opts, pool.Options{MaxConnAge: time.Minute}, func(srv *testserver.Server, p *pool.Pool, client *http.Client) {
				if err := get(client, srv.URL); err != nil {
					t.Fatal(err)
				}
				time.Sleep(53 * time.Second)
				if srv.Open() != 1 {
					t.Error("closed before nine tenths of its age")
				}
				time.Sleep(7 * time.Second)
				synctest.Wait()
				if s := p.Stats(); srv.Open() != 0 || s.Open != 0 || s.Lost[roundtripper.ReasonMaxAge] != 1 {
					t.Errorf("%d open, lost %v; want none open, one by its age", s.Open, s.Lost)
				}
			})
		})
	}
}

// Connections that were opened in one moment do not end in one moment.
func TestAgesDiffer(t *testing.T) {
	inBubble(t, hello, testserver.Options{}, pool.Options{MaxConnAge: time.Minute, MaxIdlePerHost: 64}, func(srv *testserver.Server, p *pool.Pool, client *http.Client) {
		together(t, client, srv.URL, 64)
		time.Sleep(54 * time.Second)
		var left []int
		for range 6 {
			time.Sleep(time.Second)
			synctest.Wait()
			left = append(left, srv.Open())
		}
		if left[0] < 32 || left[2] < 8 || left[2] > 56 || left[5] != 0 {
			t.Errorf("open after 55, 56, ... 60 s: %v; want them to end one after the other", left)
		}
	})
}

// A server closes a connection that was idle for too long by its own clock; a request that is
// sent on it at that moment fails.
func TestServersKeepAliveTimeoutIsHeeded(t *testing.T) {
	for _, row := range []struct {
		header string
		want   time.Duration // 0: the pool's own, 90 s
	}{
		{"timeout=1", time.Second / 2},
		{"timeout=5", 4 * time.Second},
		{"timeout=75, max=100", 74 * time.Second},
		{"max=7, Timeout=\"5\"", 4 * time.Second},
		{"timeout=3600", 0},
		{"timeout=99999999999999999999", 0},
		{"timeout=0", 0},
		{"timeout=-1", 0},
		{"timeout=soon", 0},
		{"max=1", 0},
	} {
		for _, method := range []string{"GET", "HEAD"} {
			t.Run(row.header+method, func(t *testing.T) {
				inBubble(t, func(w http.ResponseWriter, r *http.Request) {
					w.Header().Set("Keep-Alive", row.header)
					hello(w, r)
				}, testserver.Options{}, pool.Options{}, func(srv *testserver.Server, p *pool.Pool, client *http.Client) {
					for range 2 { // the second is on the connection for which the limit is known
						req, _ := http.NewRequest(method, srv.URL, nil)
						resp, err := client.Do(req)
						if err != nil {
							t.Fatal(err)
						}
						io.Copy(io.Discard, resp.Body)
						resp.Body.Close()
					}
					want := row.want
					if want == 0 {
						want = 90 * time.Second
					}
					time.Sleep(want - time.Millisecond)
					synctest.Wait()
					if srv.Open() != 1 || srv.Opened() != 1 {
						t.Errorf("%d of %d open before the time", srv.Open(), srv.Opened())
					}
					time.Sleep(2 * time.Millisecond)
					synctest.Wait()
					if n := srv.Open(); n != 0 {
						t.Errorf("%d open after it", n)
					}
					if s := p.Stats(); s.Lost[roundtripper.ReasonIdleTimeout] != 1 {
						t.Errorf("lost %v, want one by idle_timeout", s.Lost)
					}
				})
			})
		}
	}
}

// The idle connections of a burst are closed by halves, down to the floor; as many as are needed
// stay.
func TestIdleConnectionsFollowThePeak(t *testing.T) {
	for _, row := range []struct {
		needed int
		want   []int // open after each sixth of the idle timeout
	}{
		{1, []int{64, 36, 22, 15, 11, 9, 8, 8}},
		{20, []int{64, 42, 31, 25, 22, 21, 20, 20}},
	} {
		inBubble(t, hello, testserver.Options{}, pool.Options{IdleTimeout: time.Hour}, func(srv *testserver.Server, p *pool.Pool, client *http.Client) {
			together(t, client, srv.URL, 64)
			var got []int
			pause := 10*time.Second + time.Millisecond // no sweep is in the moment of a request
			for range row.want {
				// A sixth of an hour is more than the longest time between two decays, 30 s.
				for range 3 {
					time.Sleep(pause)
					pause = 10 * time.Second
					together(t, client, srv.URL, row.needed)
				}
				synctest.Wait()
				got = append(got, srv.Open())
			}
			if fmt.Sprint(got) != fmt.Sprint(row.want) {
				t.Errorf("%d needed: open %v, want %v", row.needed, got, row.want)
			}
			if s := p.Stats(); s.Hosts[0].IdleKept != max(row.needed, 8) || srv.Opened() != 64 {
				t.Errorf("kept %d, opened %d", s.Hosts[0].IdleKept, srv.Opened())
			}
		})
	}
}

func TestMaxIdlePerHostIsFixed(t *testing.T) {
	inBubble(t, hello, testserver.Options{}, pool.Options{MaxIdlePerHost: 30, IdleTimeout: time.Hour}, func(srv *testserver.Server, p *pool.Pool, client *http.Client) {
		together(t, client, srv.URL, 64)
		time.Sleep(30 * time.Minute)
		if n := srv.Open(); n != 30 {
			t.Errorf("%d open, want 30", n)
		}
	})
}

// If a host is known to speak HTTP/2, one connection serves all: requests that come at once wait
// for it and dial none of their own.
func TestHTTP2HostIsDialedOnceForManyRequests(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const latency = 40 * time.Millisecond
		srv := testserver.New(http.HandlerFunc(hello), testserver.Options{HTTP2: true, Memory: true})
		defer srv.Close()
		base := srv.Transport()
		var dials atomic.Int32
		most := int32(0)
		base.DialContext = func(ctx context.Context, network, addr string) (net.Conn, error) {
			dials.Add(1)
			time.Sleep(latency)
			return srv.Dial(ctx, network, addr)
		}
		p := pool.New(pool.Options{})
		defer p.Close()
		var mu sync.Mutex
		var longest time.Duration
		client := roundtripper.Client(&http.Client{Transport: base}, roundtripper.Observe(roundtripper.Observer{
			End: func(_ context.Context, e roundtripper.Exchange) {
				mu.Lock()
				defer mu.Unlock()
				longest = max(longest, e.ConnWait)
			},
		}), p.Middleware)
		defer client.CloseIdleConnections() // see inBubble
		if err := get(client, srv.URL); err != nil {
			t.Fatal(err)
		}
		for range 5 {
			time.Sleep(latency) // for a second dial
			synctest.Wait()     // net/http forgets the streams
			client.CloseIdleConnections()
			synctest.Wait()
			dials.Store(0)
			longest = 0
			var wg sync.WaitGroup
			for range 50 {
				wg.Go(func() {
					if err := get(client, srv.URL); err != nil {
						t.Error(err)
					}
				})
			}
			wg.Wait()
			n := dials.Load()
			most = max(most, n)
			if n > 2 || longest > latency {
				t.Errorf("%d dials, the longest wait %v; want at most 2 and %v", n, longest, latency)
			}
		}
		t.Logf("at most %d dials for 50 requests", most)
		time.Sleep(latency)
	})
}

// A dial that hangs must not hold up other requests for good.
func TestHTTP2DialThatHangsIsPassed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv := testserver.New(http.HandlerFunc(hello), testserver.Options{HTTP2: true, Memory: true})
		defer srv.Close()
		base := srv.Transport()
		var hang atomic.Bool
		base.DialContext = func(ctx context.Context, network, addr string) (net.Conn, error) {
			if hang.CompareAndSwap(true, false) {
				time.Sleep(time.Minute)
				return nil, fmt.Errorf("lost: %w", context.DeadlineExceeded)
			}
			return srv.Dial(ctx, network, addr)
		}
		p := pool.New(pool.Options{})
		defer p.Close()
		client := roundtripper.Client(&http.Client{Transport: base}, p.Middleware)
		defer client.CloseIdleConnections() // see inBubble
		defer time.Sleep(time.Minute)       // the dial's
		if err := get(client, srv.URL); err != nil {
			t.Fatal(err)
		}
		client.CloseIdleConnections()
		synctest.Wait()
		hang.Store(true)
		began := time.Now()
		var wg sync.WaitGroup
		for range 20 {
			wg.Go(func() {
				if err := get(client, srv.URL); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		if took := time.Since(began); took > 100*time.Millisecond {
			t.Errorf("waited %v behind a dial that hangs", took)
		}
	})
}
