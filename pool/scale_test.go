package pool_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"runtime"
	"testing"

	"github.com/warmconn/warmconn/drain"
	"github.com/warmconn/warmconn/internal/fullsize"
	"github.com/warmconn/warmconn/internal/stub"
	"github.com/warmconn/warmconn/internal/testserver"
	"github.com/warmconn/warmconn/pool"
	"github.com/warmconn/warmconn/roundtripper"
)

// heap returns the size of the live heap, in bytes.
func heap() int64 {
	runtime.GC()
	runtime.GC() // a second one, for sync.Pools
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

// A crawler's hosts cost nothing once they are not used any more, neither in the slots nor in the
// ledger nor in the counters.
func TestCrawlerStaysSmall(t *testing.T) {
	most := int64(fullsize.Of(64, 8)) << 20
	srv := testserver.New(http.HandlerFunc(hello), testserver.Options{})
	defer srv.Close()
	base := http.DefaultTransport.(*http.Transport).Clone() // it keeps 100 connections
	base.Proxy = nil
	base.DialContext = func(ctx context.Context, network, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, network, srv.Addr)
	}
	for _, row := range []struct {
		name  string
		base  http.RoundTripper
		hosts int
	}{
		{"stub", stub.Transport{}, fullsize.Of(1_000_000, 8000)},
		{"connections", base, fullsize.Of(20_000, 400)},
	} {
		t.Run(row.name, func(t *testing.T) {
			if raceEnabled {
				row.hosts /= 10
			}
			p := pool.New(pool.Options{MaxPerHost: 8, MaxConnAge: 1 << 40})
			defer p.Close()
			rt := roundtripper.Wrap(row.base, drain.New(drain.Options{}).Middleware, p.Middleware)
			req, _ := http.NewRequest("GET", "http://host.example/", nil)
			before, peak := heap(), int64(0)
			for i := range row.hosts {
				req.URL.Host = fmt.Sprintf("host%d.example", i)
				if err := stub.Do(rt, req); err != nil {
					t.Fatal(err)
				}
				if i%(row.hosts/10) == 0 {
					peak = max(peak, heap()-before)
				}
			}
			s := p.Stats()
			if s.Requests != uint64(row.hosts) {
				t.Errorf("%d requests counted, want %d", s.Requests, row.hosts)
			}
			if peak > most {
				t.Errorf("%d bytes, want at most %d", peak, most)
			}
			t.Logf("%d hosts: %.1f MiB at most, %d hosts remembered, %d connections open", row.hosts, float64(peak)/(1<<20), len(s.Hosts), s.Open)
		})
	}
}

// BenchmarkStatsOfManyHosts is a snapshot with 10,000 hosts in use, each with a connection and
// some lost ones.
func BenchmarkStatsOfManyHosts(b *testing.B) {
	const hosts = 10_000
	base := &http.Transport{MaxIdleConns: hosts, DialContext: func(context.Context, string, string) (net.Conn, error) {
		client, server := net.Pipe()
		go answer(server)
		return client, nil
	}}
	p := pool.New(pool.Options{MaxConnRequests: 2})
	defer p.Close()
	rt := p.Middleware(base)
	req, _ := http.NewRequest("GET", "http://host.example/", nil)
	for i := range 3 * hosts {
		req.URL.Host = fmt.Sprintf("host%d.example", i%hosts)
		if err := stub.Do(rt, req); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportAllocs()
	var s pool.Stats
	for b.Loop() {
		s = p.Stats()
	}
	runtime.KeepAlive(rt) // or its connections would be closed
	if len(s.Hosts) != hosts || s.Open != hosts {
		b.Fatalf("%d hosts, %d connections, lost %v", len(s.Hosts), s.Open, s.Lost)
	}
}

// answer is a server for one connection. It closes the connection if it is asked to, without
// saying so in the response.
func answer(c net.Conn) {
	defer c.Close()
	r := bufio.NewReader(c)
	for {
		req, err := http.ReadRequest(r)
		if err != nil {
			return
		}
		io.Copy(io.Discard, req.Body)
		io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
		if req.Close {
			return
		}
	}
}
