package pool_test

import (
	"fmt"
	"net/http"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/warmconn/warmconn/internal/eventually"
	"github.com/warmconn/warmconn/internal/fullsize"
	"github.com/warmconn/warmconn/internal/testserver"
	"github.com/warmconn/warmconn/pool"
	"github.com/warmconn/warmconn/roundtripper"
)

// inMemory returns a transport for a bubble: each of its connections leads to a server of its
// own in memory.
func inMemory() *http.Transport {
	return testserver.Answering("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello")
}

// makers are the ways to have a transport for each client with a Pool.
var makers = []struct {
	name string
	make func(*pool.Pool, *http.Transport) *http.Client
}{
	{"Middleware", func(p *pool.Pool, t *http.Transport) *http.Client {
		return roundtripper.Client(&http.Client{Transport: t}, p.Middleware)
	}},
	{"Transport", func(p *pool.Pool, t *http.Transport) *http.Client {
		return &http.Client{Transport: p.Transport(t)}
	}},
	{"Middleware over Transport", func(p *pool.Pool, t *http.Transport) *http.Client {
		return roundtripper.Client(&http.Client{Transport: p.Transport(t)}, p.Middleware)
	}},
}

// inEachWay runs f in a bubble, once for each of makers. Clients that make has made are closed
// afterwards: the collector is not in the bubble.
func inEachWay(t *testing.T, f func(t *testing.T, make func() *http.Client, r *reports)) {
	for _, m := range makers {
		t.Run(m.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var r reports
				p := pool.New(pool.Options{OnLeak: r.add})
				var all []*http.Client
				defer func() {
					for _, c := range all {
						c.CloseIdleConnections()
					}
					p.Close()
				}()
				f(t, func() *http.Client {
					c := m.make(p, inMemory())
					all = append(all, c)
					return c
				}, &r)
			})
		})
	}
}

func getFrom(t *testing.T, c *http.Client, host string) {
	t.Helper()
	if err := get(c, "http://"+host+"/"); err != nil {
		t.Fatal(err)
	}
}

// I4: a transport per request, and the collector can take none of them.
func TestTransportPerRequestIsReportedOnce(t *testing.T) {
	inEachWay(t, func(t *testing.T, make func() *http.Client, r *reports) {
		for range 100 {
			getFrom(t, make(), "host.example")
			time.Sleep(time.Second)
		}
		synctest.Wait()
		got := r.list()
		if len(got) != 1 {
			t.Fatalf("%d reports, want 1", len(got))
		}
		l := got[0]
		if l.Transports < 20 || l.Transports > 60 || l.Method != "" || l.Host != "" || l.Suspected || l.Age <= 0 || l.Age > time.Minute ||
			!strings.Contains(l.Caller, "churn_test.go:") {
			t.Errorf("leak %+v, want 20 or more transports made in churn_test.go", l)
		}
	})
}

// Many transports are made in a moment.
func TestManyTransportsAtOnceAreReportedOnce(t *testing.T) {
	t.Parallel()
	inEachWay(t, func(t *testing.T, make func() *http.Client, r *reports) {
		n := fullsize.Of(2000, 200)
		for range n {
			getFrom(t, make(), "host.example")
			time.Sleep(10 * time.Second / time.Duration(n))
		}
		synctest.Wait()
		if got := r.list(); len(got) != 1 {
			t.Errorf("%d reports, want 1", len(got))
		}
	})
}

func TestTransportsMadeAtOneStartAreNotReported(t *testing.T) {
	inEachWay(t, func(t *testing.T, make func() *http.Client, r *reports) {
		// Each is tried when it is made, so that the start takes a while.
		var clients []*http.Client
		for i := range 100 {
			c := make()
			clients = append(clients, c)
			getFrom(t, c, fmt.Sprintf("host%d.example", i))
			time.Sleep(300 * time.Millisecond)
		}
		for range 3 {
			for i, c := range clients {
				getFrom(t, c, fmt.Sprintf("host%d.example", i))
			}
			time.Sleep(10 * time.Second)
		}
		// And some more later.
		for i := range 10 {
			getFrom(t, make(), fmt.Sprintf("later%d.example", i))
		}
		synctest.Wait()
		if got := r.list(); len(got) != 0 {
			t.Errorf("reported %+v", got)
		}
	})
}

// All requests go to one host, as with a certificate for each tenant.
func TestTransportsInUseAreNotReported(t *testing.T) {
	t.Parallel()
	inEachWay(t, func(t *testing.T, make func() *http.Client, r *reports) {
		var clients []*http.Client
		for range fullsize.Of(60, 32) { // 20 that are older than 5 s would be a pattern
			clients = append(clients, make())
			for _, c := range clients {
				getFrom(t, c, "host.example")
				getFrom(t, c, "host.example")
			}
			time.Sleep(time.Second / 2)
		}
		synctest.Wait()
		if got := r.list(); len(got) != 0 {
			t.Errorf("reported %+v", got)
		}
	})
}

func TestTransportsThatWaitForUseAreNotReported(t *testing.T) {
	inEachWay(t, func(t *testing.T, make func() *http.Client, r *reports) {
		for range 100 {
			make()
			time.Sleep(time.Second)
		}
		synctest.Wait()
		if got := r.list(); len(got) != 0 {
			t.Errorf("reported %+v", got)
		}
	})
}

// The tests of a package make transports like this: too few for a pattern.
func TestFewTransportsAreNotReported(t *testing.T) {
	inEachWay(t, func(t *testing.T, make func() *http.Client, r *reports) {
		for range 100 {
			getFrom(t, make(), "host.example")
			time.Sleep(4 * time.Second) // 15 a minute
		}
		synctest.Wait()
		if got := r.list(); len(got) != 0 {
			t.Errorf("reported %+v", got)
		}
	})
}

// A transport that keeps no connections is the remedy.
func TestTransportsWithoutKeepAliveAreNotReported(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var r reports
		p := pool.New(pool.Options{OnLeak: r.add})
		var all []http.RoundTripper
		for range 100 {
			base := inMemory()
			base.DisableKeepAlives = true
			rt := p.Middleware(base)
			getFrom(t, &http.Client{Transport: rt}, "host.example")
			all = append(all, rt)
			time.Sleep(time.Second / 4)
		}
		synctest.Wait()
		if got := r.list(); len(got) != 0 {
			t.Errorf("reported %+v", got)
		}
		runtime.KeepAlive(all)
	})
}

// I4, over sockets: the collector takes dropped transports with their connections.
func TestDroppedTransportsAreReportedAndLeaveNoConnections(t *testing.T) {
	t.Parallel()
	n := fullsize.Of(500, 60)
	for _, secure := range []bool{false, true} {
		t.Run(fmt.Sprintf("http2=%v", secure), func(t *testing.T) {
			srv := testserver.New(http.HandlerFunc(hello), testserver.Options{HTTP2: secure})
			defer srv.Close()
			var r reports
			p := pool.New(pool.Options{OnLeak: r.add})
			defer p.Close()
			for i := range n {
				if err := get(roundtripper.Client(&http.Client{Transport: srv.Transport()}, p.Middleware), srv.URL); err != nil {
					t.Fatal(err)
				}
				if i%30 == 29 {
					runtime.GC()
				}
			}
			eventually.Collected(t, "all connections of dropped clients to close", func() bool {
				return srv.Open() == 0
			})
			eventually.True(t, "the report", func() bool { return len(r.list()) > 0 })
			if got := r.list(); len(got) != 1 || got[0].Transports < 20 || !strings.Contains(got[0].Caller, "churn_test.go:") {
				t.Errorf("reports %+v, want one of transports", got)
			}
		})
	}
}

func TestClientMadeAgainEachTimeIsReported(t *testing.T) {
	t.Parallel()
	srv := testserver.New(http.HandlerFunc(hello), testserver.Options{})
	defer srv.Close()
	var r reports
	p := pool.New(pool.Options{OnLeak: r.add})
	defer p.Close()
	// While one of the clients is alive they share a transport, and are no waste.
	alive := p.Client()
	for range 100 {
		if err := get(p.Client(), srv.URL); err != nil {
			t.Fatal(err)
		}
	}
	runtime.GC()
	if got := r.list(); len(got) != 0 {
		t.Fatalf("reported %+v, though all share a transport", got)
	}
	runtime.KeepAlive(alive)
	alive = nil
	for range 1000 { // a collection takes as long as the machine is busy
		if err := get(p.Client(), srv.URL); err != nil {
			t.Fatal(err)
		}
		if runtime.GC(); len(r.list()) > 0 {
			break
		}
	}
	if len(r.list()) == 0 {
		t.Fatal("no report of 1000 clients that were dropped")
	}
	if l := r.list()[0]; l.Transports < 20 || !strings.Contains(l.Caller, "churn_test.go:") {
		t.Errorf("leak %+v, want transports made in churn_test.go", l)
	}
}
