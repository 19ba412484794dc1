package pool_test

import (
	"context"
	"fmt"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/warmconn/warmconn/internal/fullsize"
	"github.com/warmconn/warmconn/internal/testserver"
	"github.com/warmconn/warmconn/pool"
	"github.com/warmconn/warmconn/roundtripper"
)

// waits counts exchanges by their outcome.
type waits struct {
	mu                   sync.Mutex
	total, failed, later int // later: waited for a connection
	reasons              map[roundtripper.NewReason]int
}

// observe returns a layer that counts exchanges, from the given time after began on.
func (c *waits) observe(began time.Time, after time.Duration) roundtripper.Middleware {
	c.reasons = make(map[roundtripper.NewReason]int)
	return roundtripper.Observe(roundtripper.Observer{End: func(_ context.Context, e roundtripper.Exchange) {
		c.mu.Lock()
		defer c.mu.Unlock()
		if e.NewReason != "" {
			c.reasons[e.NewReason]++
		}
		if e.Start.Sub(began) < after {
			return
		}
		c.total++
		if e.Err != nil {
			c.failed++
		}
		if e.ConnWait > 0 { // the clock is a fake one
			c.later++
		}
	}})
}

// TestABusyHTTP2ConnectionIsRetiredWarm: a connection takes streams until its successor is there,
// with the server's SETTINGS, so that no request waits for a round trip. In an earlier version
// some 20 of these requests waited for each connection that was retired.
func TestABusyHTTP2ConnectionIsRetiredWarm(t *testing.T) {
	age, requests := time.Duration(fullsize.Of(250, 100))*time.Millisecond, fullsize.Of(100, 40)
	for _, o := range []pool.Options{
		{MaxConnAge: age},
		{MaxConnRequests: requests},
		{MaxConnAge: age, MinHTTP2Conns: 3},
		{MaxConnRequests: requests, MaxStreamsPerConn: 8},
		{MaxConnRequests: requests, MinHTTP2Conns: 3},
		{MaxConnAge: age, MaxStreamsPerConn: 8},
	}[:fullsize.Of(6, 4)] {
		name := fmt.Sprintf("age=%v,requests=%d,min=%d,streams=%d", o.MaxConnAge, o.MaxConnRequests, o.MinHTTP2Conns, o.MaxStreamsPerConn)
		t.Run(name, func(t *testing.T) { synctest.Test(t, func(t *testing.T) { retireWarm(t, o) }) })
	}
}

func retireWarm(t *testing.T, o pool.Options) {
	const workers = 20
	workFor := time.Duration(fullsize.Of(1500, 1000)) * time.Millisecond // by the bubble's clock
	var n atomic.Int64
	srv := testserver.New(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		time.Sleep(10*time.Millisecond + time.Duration(n.Add(1)%17)*777*time.Microsecond) // they must not go in step
		hello(w, r)
	}), testserver.Options{HTTP2: true, Memory: true})
	base := srv.Transport()
	base.DialContext = testserver.Distant(srv.Dial, 20*time.Millisecond)
	p := pool.New(o)
	began := time.Now()
	var c waits
	client := roundtripper.Client(&http.Client{Transport: base}, c.observe(began, 200*time.Millisecond), p.Middleware)
	var wg sync.WaitGroup
	for range workers {
		wg.Go(func() {
			for time.Since(began) < workFor {
				if err := get(client, srv.URL); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	wg.Wait()
	lost := p.Stats().Lost
	t.Logf("%d requests, %d failed, %d waited for a connection; %d connections, lost: %v", c.total, c.failed, c.later, srv.Opened(), lost)
	if retired := lost[roundtripper.ReasonMaxAge] + lost[roundtripper.ReasonMaxRequests]; retired < 5 || c.failed > 0 || c.later > 0 {
		t.Errorf("%d connections retired, want some; %d requests failed, %d waited, want none", retired, c.failed, c.later)
	}
	client.CloseIdleConnections()
	p.Close()
	srv.Close()
	time.Sleep(time.Second) // for bytes on their way
}

// TestTheSuccessorOfAConnectionThatGoesAwayIsDialedAtOnce, if streams are spread: it is not
// dialed by the next request, which would wait for it.
func TestTheSuccessorOfAConnectionThatGoesAwayIsDialedAtOnce(t *testing.T) {
	for _, row := range []struct {
		o    pool.Options
		warm bool
	}{{pool.Options{}, false}, {pool.Options{MinHTTP2Conns: 1}, true}, {pool.Options{MaxStreamsPerConn: 10}, true}} {
		synctest.Test(t, func(t *testing.T) {
			servers := make([]*testserver.Server, 2)
			var config *http.Server
			release := make(chan struct{})
			for i := range servers {
				servers[i] = testserver.New(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					w.(http.Flusher).Flush()
					if r.URL.Path == "/long" {
						<-release
					}
					hello(w, r)
				}), testserver.Options{HTTP2: true, Memory: true, Config: func(s *http.Server) {
					if i == 0 {
						config = s
					}
				}})
			}
			base := servers[0].Transport()
			first := testserver.Distant(servers[0].Dial, 20*time.Millisecond)
			next := testserver.Distant(servers[1].Dial, 20*time.Millisecond)
			var dials atomic.Int32
			base.DialContext = first
			p := pool.New(row.o)
			var c waits
			began := time.Now()
			base.DialContext = (&net2{&dials, first, next}).dial
			client := roundtripper.Client(&http.Client{Transport: base}, c.observe(began, 500*time.Millisecond), p.Middleware)
			url := servers[0].URL
			if err := get(client, url); err != nil {
				t.Fatal(err)
			}
			long, err := client.Get(url + "/long")
			if err != nil {
				t.Fatal(err)
			}
			go config.Shutdown(context.Background())
			time.Sleep(time.Second) // GOAWAY
			if err := get(client, url); err != nil {
				t.Error(err)
			}
			close(release)
			if err := errRead(long); err != nil {
				t.Error("the stream of the connection that goes away:", err)
			}
			t.Logf("MinHTTP2Conns %d, MaxStreamsPerConn %d: %d dials, %d waited, reasons %v", row.o.MinHTTP2Conns, row.o.MaxStreamsPerConn, dials.Load(), c.later, c.reasons)
			if dials.Load() != 2 || (c.later == 0) != row.warm || c.reasons[roundtripper.ReasonGoAway] != 1 {
				t.Errorf("%d dials, %d requests waited for a connection; want 2 dials, none waits: %v", dials.Load(), c.later, row.warm)
			}
			client.CloseIdleConnections()
			p.Close()
			for _, s := range servers {
				s.Close()
			}
			time.Sleep(time.Second)
		})
	}
}
