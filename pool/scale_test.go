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

	"github.com/warmconn/warmconn/internal/stub"
	"github.com/warmconn/warmconn/pool"
)

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
