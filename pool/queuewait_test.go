package pool_test

import (
	"context"
	"net"
	"net/http"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/warmconn/warmconn/internal/testserver"
	"github.com/warmconn/warmconn/pool"
	"github.com/warmconn/warmconn/roundtripper"
)

// The second of two requests waits: for a slot, for a connection under a limit, for a dial.
// QueueWait is the part of the wait that limits have cost.
func TestQueueWaitIsWhatLimitsCost(t *testing.T) {
	const s = time.Second
	pass := func(next http.RoundTripper) http.RoundTripper {
		return roundtripper.Func(func(req *http.Request) (*http.Response, error) { return next.RoundTrip(req) })
	}
	for _, row := range []struct {
		name     string
		o        pool.Options
		maxConns int           // the transport's
		first    time.Duration // for how long the first request holds its slot and connection
		closes   bool          // the first request costs its connection
		dial     time.Duration // takes a dial behind the first one
		deadline time.Duration // of the second request; 0: none
		below    bool          // a base that the Pool does not own

		pool, conn, queue time.Duration
	}{
		{name: "for nothing", dial: 0, first: 3 * s},
		{name: "for a slot", o: pool.Options{MaxPerHost: 1}, first: 3 * s, pool: 3 * s, queue: 3 * s},
		{name: "for a connection under MaxConnsPerHost", maxConns: 1, first: 3 * s, conn: 3 * s, queue: 3 * s},
		{name: "for a dial", dial: 2 * s, first: 3 * s, conn: 2 * s},
		{name: "for the limit, then for a dial", maxConns: 1, closes: true, first: 3 * s, dial: 2 * s, conn: 5 * s, queue: 3 * s},
		{name: "for a slot, then for a dial", o: pool.Options{MaxPerHost: 1}, closes: true, first: 3 * s, dial: 2 * s, pool: 3 * s, conn: 2 * s, queue: 3 * s},
		{name: "in vain under a limit", maxConns: 1, first: 3 * s, deadline: s, queue: s},
		{name: "in vain for a dial", dial: 2 * s, first: 3 * s, deadline: s},
		{name: "in net/http", maxConns: 1, first: 3 * s, below: true, conn: 3 * s},
	} {
		t.Run(row.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				srv := testserver.New(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					if row.closes {
						w.Header().Set("Connection", "close")
					}
					w.(http.Flusher).Flush()
					if r.URL.Path == "/first" {
						time.Sleep(row.first)
					}
					hello(w, r)
				}), testserver.Options{Memory: true})
				defer srv.Close()
				base := srv.Transport()
				defer base.CloseIdleConnections()
				base.MaxConnsPerHost = row.maxConns
				var dials atomic.Int32
				base.DialContext = func(ctx context.Context, network, addr string) (net.Conn, error) {
					if dials.Add(1) > 1 {
						time.Sleep(row.dial)
					}
					return srv.Dial(ctx, network, addr)
				}
				var seen exchanges
				p := pool.New(row.o)
				defer p.Close()
				mw := []roundtripper.Middleware{seen.middleware(), p.Middleware}
				if row.below {
					mw = append(mw, pass)
				}
				client := roundtripper.Client(&http.Client{Transport: base}, mw...)
				defer client.CloseIdleConnections() // see inBubble
				done := make(chan error)
				go func() { done <- get(client, srv.URL+"/first") }()
				synctest.Wait()
				ctx, cancel := context.WithCancel(t.Context())
				if row.deadline > 0 {
					ctx, cancel = context.WithTimeout(t.Context(), row.deadline)
				}
				defer cancel()
				req, _ := http.NewRequestWithContext(ctx, "GET", srv.URL+"/second", nil)
				resp, err := client.Do(req)
				if (err != nil) != (row.deadline > 0) {
					t.Fatal(err)
				}
				if err == nil {
					resp.Body.Close()
				}
				if err := <-done; err != nil {
					t.Fatal(err)
				}
				for _, e := range seen.all {
					if e.ConnUses == 1 && e.OwnDial && e.NewReason == roundtripper.ReasonFirst {
						if e.QueueWait != 0 {
							t.Errorf("the first waited %v for limits", e.QueueWait)
						}
						continue
					}
					if e.PoolWait != row.pool || e.ConnWait.Round(time.Microsecond) != row.conn || e.QueueWait != row.queue {
						t.Errorf("pool %v, connection %v, queue %v; want %v, %v, %v", e.PoolWait, e.ConnWait, e.QueueWait, row.pool, row.conn, row.queue)
					}
				}
				if len(seen.all) != 2 {
					t.Errorf("%d exchanges", len(seen.all))
				}
				time.Sleep(row.dial) // one that goes on
			})
		})
	}
}

// A dial that can't be broken off keeps its place under the limit when its request has gone: the
// next request has a slot and waits for that place.
func TestQueueWaitHasThePlaceThatAHungDialTakes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv := testserver.New(http.HandlerFunc(hello), testserver.Options{Memory: true})
		defer srv.Close()
		base := srv.Transport()
		var dials atomic.Int32
		base.DialContext = func(ctx context.Context, network, addr string) (net.Conn, error) {
			if dials.Add(1) == 1 {
				time.Sleep(5 * time.Second)
				return nil, context.DeadlineExceeded
			}
			return srv.Dial(ctx, network, addr)
		}
		var seen exchanges
		p := pool.New(pool.Options{MaxPerHost: 1})
		defer p.Close()
		client := roundtripper.Client(&http.Client{Transport: base}, seen.middleware(), p.Middleware)
		defer client.CloseIdleConnections() // see inBubble
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		req, _ := http.NewRequestWithContext(ctx, "GET", srv.URL, nil)
		if _, err := client.Do(req); err == nil {
			t.Fatal("no error from a dial that hangs")
		}
		if err := get(client, srv.URL); err != nil {
			t.Fatal(err)
		}
		if e := seen.all[1]; e.PoolWait != 0 || e.ConnWait != 4*time.Second || e.QueueWait != 4*time.Second {
			t.Errorf("pool %v, connection %v, queue %v; want 0, 4 s, 4 s", e.PoolWait, e.ConnWait, e.QueueWait)
		}
	})
}

// Many requests wait under a limit, and come and go: their waits add up.
func TestQueueWaitOfManyAddsUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const hold, n, conns = time.Second, 12, 3
		srv := testserver.New(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			time.Sleep(hold)
			hello(w, r)
		}), testserver.Options{Memory: true})
		defer srv.Close()
		base := srv.Transport()
		base.MaxConnsPerHost = conns
		var seen exchanges
		p := pool.New(pool.Options{})
		defer p.Close()
		client := roundtripper.Client(&http.Client{Transport: base}, seen.middleware(), p.Middleware)
		defer client.CloseIdleConnections() // see inBubble
		for range 2 {
			burst(t, client, srv.URL, n)
			got := map[time.Duration]int{}
			for _, e := range seen.all {
				got[e.QueueWait.Round(time.Millisecond)]++ // a hand-out may look at its connection twice
				if e.QueueWait != e.ConnWait {
					t.Errorf("queue %v, connection %v", e.QueueWait, e.ConnWait)
				}
			}
			for i := range n / conns {
				if got[time.Duration(i)*hold] != conns {
					t.Errorf("the waits are %v", got)
					break
				}
			}
			time.Sleep(time.Minute) // if the wait were still counted, it would grow
			seen.all = nil
		}
		if err := get(client, srv.URL); err != nil || seen.all[0].QueueWait != 0 {
			t.Errorf("later: %v, queue %v", err, seen.all[0].QueueWait)
		}
	})
}

// Over HTTP/2 a request waits for another's dial. That wait is not due to a limit, though a limit
// was in the way before, while the protocol was not known.
func TestQueueWaitIsNotThatForAnothersDial(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const dial, gate = 300 * time.Millisecond, 100 * time.Millisecond
		srv := testserver.New(http.HandlerFunc(hello), testserver.Options{HTTP2: true, Memory: true})
		defer srv.Close()
		base := srv.Transport()
		base.MaxConnsPerHost = 1
		base.DialContext = func(ctx context.Context, network, addr string) (net.Conn, error) {
			time.Sleep(dial)
			return srv.Dial(ctx, network, addr)
		}
		var seen exchanges
		p := pool.New(pool.Options{})
		defer p.Close()
		client := roundtripper.Client(&http.Client{Transport: base}, seen.middleware(), p.Middleware)
		defer client.CloseIdleConnections() // see inBubble
		for i, want := range []time.Duration{dial - gate, 0} {
			seen.all = nil
			burst(t, client, srv.URL, 2)
			time.Sleep(time.Second)
			sum := seen.all[0].QueueWait + seen.all[1].QueueWait
			if sum > want || want > 0 && sum == 0 {
				t.Errorf("burst %d: limits cost %v, want %v at most", i, sum, want)
			}
			p.CloseIdleConnections()
			synctest.Wait()
		}
	})
}
