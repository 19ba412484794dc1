package pool_test

import (
	"cmp"
	"context"
	"io"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/warmconn/warmconn/internal/testserver"
	"github.com/warmconn/warmconn/pool"
	"github.com/warmconn/warmconn/roundtripper"
)

// balancer is a level-4 balancer on loopback: each connection goes to the next backend,
// and stays there.
type balancer struct {
	net.Listener
	backends []*testserver.Server
	conns    sync.WaitGroup
}

// balance starts a balancer before so many HTTP/2 servers, whose handlers get their number.
func balance(t *testing.T, backends int, h func(backend int) http.HandlerFunc, config func(*http.Server)) *balancer {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	b := &balancer{Listener: l}
	for i := range backends {
		b.backends = append(b.backends, testserver.New(h(i), testserver.Options{HTTP2: true, Config: config}))
	}
	b.conns.Go(func() {
		for n := 0; ; n++ {
			client, err := l.Accept()
			if err != nil {
				return
			}
			b.conns.Go(func() { b.serve(client, b.backends[n%backends]) })
		}
	})
	t.Cleanup(func() {
		l.Close()
		for _, s := range b.backends {
			s.Close()
		}
		b.conns.Wait()
	})
	return b
}

func (b *balancer) serve(client net.Conn, to *testserver.Server) {
	defer client.Close()
	backend, err := to.Dial(context.Background(), "tcp", to.Addr)
	if err != nil {
		return
	}
	var both sync.WaitGroup
	for _, way := range [][2]net.Conn{{client, backend}, {backend, client}} {
		both.Go(func() {
			defer way[0].Close()
			defer way[1].Close()
			io.Copy(way[0], way[1])
		})
	}
	both.Wait()
}

func (b *balancer) url() string { return "https://" + b.Addr().String() }

// TestStreamsAreSpreadOverTheBackendsOfABalancer: bare net/http, and the kit with the zero
// Options, have one connection as long as that has a stream left, and so one backend.
func TestStreamsAreSpreadOverTheBackendsOfABalancer(t *testing.T) {
	const workers, requests, backends = 60, 1200, 3
	for _, row := range []struct {
		name   string
		o      *pool.Options
		within float64 // of a third each; 0: not spread
	}{
		{"bare net/http", nil, 0},
		{"zero Options", &pool.Options{}, 0},
		{"MinHTTP2Conns 3", &pool.Options{MinHTTP2Conns: 3}, .2},
		{"MinHTTP2Conns 3, MaxStreamsPerConn 25", &pool.Options{MinHTTP2Conns: 3, MaxStreamsPerConn: 25}, .2},
		// As many connections as it takes: 3 or 6, or more where a dial takes long.
		{"MaxStreamsPerConn 20", &pool.Options{MaxStreamsPerConn: 20}, .7},
		{"MaxStreamsPerConn 10", &pool.Options{MaxStreamsPerConn: 10}, .7},
	} {
		spread := func(t *testing.T) (most, least int64) {
			var served [backends]atomic.Int64
			b := balance(t, backends, func(i int) http.HandlerFunc {
				return func(w http.ResponseWriter, r *http.Request) {
					served[i].Add(1)
					time.Sleep(10 * time.Millisecond) // a server's work
					hello(w, r)
				}
			}, nil)
			client := &http.Client{Transport: b.backends[0].Transport()}
			var mu sync.Mutex
			reasons := map[roundtripper.NewReason]int{}
			if row.o != nil {
				p := pool.New(*row.o)
				defer p.Close()
				client = roundtripper.Client(client, roundtripper.Observe(roundtripper.Observer{End: func(_ context.Context, e roundtripper.Exchange) {
					mu.Lock()
					defer mu.Unlock()
					if e.NewReason != "" {
						reasons[e.NewReason]++
					}
				}}), p.Middleware)
			}
			load(t, client, b.url(), workers, requests/workers)
			client.CloseIdleConnections()
			opened := 0
			least = requests
			for i, s := range b.backends {
				opened += s.Opened()
				most, least = max(most, served[i].Load()), min(least, served[i].Load())
			}
			t.Logf("%s: %d / %d / %d requests, %d connections %v", row.name, served[0].Load(), served[1].Load(), served[2].Load(), opened, reasons)
			return most, least
		}
		t.Run(row.name, func(t *testing.T) {
			const third = float64(requests) / backends
			// A machine that is busy dials for long, and meanwhile one has all: the best of three.
			for try := 1; ; try++ {
				most, least := spread(t)
				if row.within == 0 || float64(most) <= third*(1+row.within) && float64(least) >= third*(1-row.within) {
					return
				}
				if try == 3 {
					t.Fatalf("%d at most, %d at least: not within %.0f %% of a third each", most, least, 100*row.within)
				}
			}
		})
	}
}

// net2 dials one server first, and another one from the second connection on.
type net2 struct {
	n           *atomic.Int32
	first, next func(ctx context.Context, network, addr string) (net.Conn, error)
}

func (d *net2) dial(ctx context.Context, network, addr string) (net.Conn, error) {
	if d.n.Add(1) == 1 {
		return d.first(ctx, network, addr)
	}
	return d.next(ctx, network, addr)
}

// errRead reads a response to its end.
func errRead(resp *http.Response) error {
	_, err := io.Copy(io.Discard, resp.Body)
	return cmp.Or(err, resp.Body.Close())
}
