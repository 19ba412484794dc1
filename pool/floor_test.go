package pool_test

import (
	"context"
	"fmt"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/warmconn/warmconn/internal/testserver"
	"github.com/warmconn/warmconn/pool"
	"github.com/warmconn/warmconn/roundtripper"
)

// As long as a host is in use, a floor keeps Warm's connections from decay and from IdleTimeout.
// Here there is a request each half minute, and IdleTimeout is a minute.
func TestTheFloorOutlivesDecayAndIdleTimeout(t *testing.T) {
	for _, row := range []struct {
		floor      int
		used, left []int // open after each minute of use, and after each without use
	}{
		{0, []int{1, 1, 1}, []int{0}},
		{12, []int{12, 12, 12}, []int{0}},
		{100, []int{30, 30, 30}, []int{0}},
	} {
		o := pool.Options{IdleTimeout: time.Minute, MinIdlePerHost: row.floor}
		inBubble(t, hello, testserver.Options{}, o, func(srv *testserver.Server, p *pool.Pool, client *http.Client) {
			if n, err := p.Warm(context.Background(), client.Transport, srv.URL, 30); n != 30 || err != nil {
				t.Fatalf("%d ready, %v", n, err)
			}
			var used, left []int
			for range row.used {
				for range 2 {
					time.Sleep(30 * time.Second)
					if err := get(client, srv.URL); err != nil {
						t.Fatal(err)
					}
				}
				synctest.Wait()
				used = append(used, srv.Open())
			}
			kept := p.Stats().Hosts[0].IdleKept
			together(t, client, srv.URL, used[len(used)-1]) // they are there to be used
			for range row.left {
				time.Sleep(61 * time.Second)
				synctest.Wait()
				left = append(left, srv.Open())
			}
			t.Logf("a floor of %d: open %v while the host is used, %v a minute after the last use", row.floor, used, left)
			if fmt.Sprint(used, left) != fmt.Sprint(row.used, row.left) || srv.Opened() != 30 {
				t.Errorf("a floor of %d: open %v, then %v, of %d made; want %v, then %v, of 30", row.floor, used, left, srv.Opened(), row.used, row.left)
			}
			if row.floor > 0 && kept < row.floor {
				t.Errorf("Stats has %d kept, the floor is %d", kept, row.floor)
			}
		})
	}
}

// A burst decays to the floor, and not below.
func TestDecayStopsAtTheFloor(t *testing.T) {
	inBubble(t, hello, testserver.Options{}, pool.Options{IdleTimeout: time.Hour, MinIdlePerHost: 20}, func(srv *testserver.Server, p *pool.Pool, client *http.Client) {
		together(t, client, srv.URL, 64)
		var got []int
		for range 6 {
			time.Sleep(30 * time.Second)
			synctest.Wait()
			got = append(got, srv.Open())
		}
		if want := "[64 42 31 25 22 21]"; fmt.Sprint(got) != want {
			t.Errorf("open %v, want %v", got, want)
		}
		time.Sleep(time.Minute)
		if srv.Open() != 20 {
			t.Errorf("%d open at last", srv.Open())
		}
	})
}

// The server's limit, an age and the other limits go before the floor.
func TestTheFloorGivesWay(t *testing.T) {
	says := func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Keep-Alive", "timeout=20")
		hello(w, r)
	}
	for _, row := range []struct {
		name string
		h    http.HandlerFunc
		o    pool.Options
		most int
	}{
		{"Keep-Alive", says, pool.Options{}, 1},
		{"MaxConnAge", hello, pool.Options{MaxConnAge: 40 * time.Second}, 1},
		{"MaxIdlePerHost", hello, pool.Options{MaxIdlePerHost: 3}, 3},
		{"MaxIdlePerHost above it, without decay", hello, pool.Options{MaxIdlePerHost: 20}, 10},
		{"none", hello, pool.Options{}, 10},
	} {
		t.Run(row.name, func(t *testing.T) {
			row.o.IdleTimeout, row.o.MinIdlePerHost = 32*time.Second, 10 // no sweep in the moment of a request
			inBubble(t, row.h, testserver.Options{}, row.o, func(srv *testserver.Server, p *pool.Pool, client *http.Client) {
				together(t, client, srv.URL, 12)
				for range 6 {
					time.Sleep(15 * time.Second)
					if err := get(client, srv.URL); err != nil {
						t.Fatal(err)
					}
				}
				if n := srv.Open(); n != row.most {
					t.Errorf("%d open, want %d", n, row.most)
				}
			})
		})
	}
}

// The floor dials nothing: a connection that the server closes is gone until a request or Warm
// needs one.
func TestTheFloorDialsNothing(t *testing.T) {
	inBubble(t, hello, testserver.Options{}, pool.Options{MinIdlePerHost: 10}, func(srv *testserver.Server, p *pool.Pool, client *http.Client) {
		together(t, client, srv.URL, 10)
		srv.CloseClientConnections()
		time.Sleep(10 * time.Second)
		synctest.Wait()
		if srv.Open() != 0 || srv.Opened() != 10 {
			t.Errorf("%d open of %d made, want none of 10", srv.Open(), srv.Opened())
		}
		if n, err := p.Warm(context.Background(), client.Transport, srv.URL, 10); n != 10 || err != nil || p.Stats().Opened != 20 {
			t.Errorf("Warm: %d, %v, %d made", n, err, p.Stats().Opened)
		}
	})
}

// A host is in use during a request that takes longer than IdleTimeout, and for IdleTimeout
// after its end.
func TestALongRequestKeepsTheFloor(t *testing.T) {
	h := func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/long" {
			w.(http.Flusher).Flush()
			time.Sleep(10 * time.Minute)
		}
		hello(w, r)
	}
	inBubble(t, h, testserver.Options{}, pool.Options{IdleTimeout: time.Minute, MinIdlePerHost: 5}, func(srv *testserver.Server, p *pool.Pool, client *http.Client) {
		together(t, client, srv.URL, 6)
		done := make(chan error)
		go func() { done <- get(client, srv.URL+"/long") }()
		time.Sleep(9 * time.Minute)
		if n := srv.Open(); n != 6 {
			t.Errorf("%d open under a long request, want it and the floor of 5", n)
		}
		if err := <-done; err != nil {
			t.Error(err)
		}
		time.Sleep(59 * time.Second)
		if n := srv.Open(); n < 5 {
			t.Errorf("%d open 59 s behind it", n)
		}
		time.Sleep(2 * time.Second)
		synctest.Wait()
		if n := srv.Open(); n != 0 {
			t.Errorf("%d open 61 s behind it", n)
		}
		if n := p.Stats().Lost[roundtripper.ReasonIdleTimeout]; n != 6 {
			t.Errorf("lost %v", p.Stats().Lost)
		}
	})
}
