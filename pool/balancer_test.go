package pool_test

import (
	"cmp"
	"context"
	"io"
	"net"
	"net/http"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/warmconn/warmconn/internal/fullsize"
	"github.com/warmconn/warmconn/internal/testserver"
	"github.com/warmconn/warmconn/pool"
	"github.com/warmconn/warmconn/roundtripper"
)

// TestStreamsAreSpreadOverTheBackendsOfABalancer: bare net/http, and the kit with the zero
// Options, have one connection as long as that has a stream left, and so one backend. The
// clock is a fake one: on a busy machine a dial takes long, and meanwhile one backend has all
// requests.
func TestStreamsAreSpreadOverTheBackendsOfABalancer(t *testing.T) {
	const workers, backends = 30, 3
	requests := workers * fullsize.Of(20, 10)
	for _, row := range []struct {
		name   string
		o      *pool.Options
		within float64 // of a third each; 0: not spread
	}{
		{"bare net/http", nil, 0},
		{"zero Options", &pool.Options{}, 0},
		{"MinHTTP2Conns 3", &pool.Options{MinHTTP2Conns: 3}, .2},
		{"MaxStreamsPerConn 5", &pool.Options{MaxStreamsPerConn: 5}, .2},   // 6 connections
		{"MaxStreamsPerConn 10", &pool.Options{MaxStreamsPerConn: 10}, .2}, // 3
		{"MinHTTP2Conns 3, MaxStreamsPerConn 12", &pool.Options{MinHTTP2Conns: 3, MaxStreamsPerConn: 12}, .2},
	}[:fullsize.Of(6, 4)] {
		t.Run(row.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var served [backends]atomic.Int64
				var servers []*testserver.Server
				for i := range backends {
					servers = append(servers, testserver.New(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
						n := served[i].Add(1)
						time.Sleep(10*time.Millisecond + time.Duration(n%17)*777*time.Microsecond) // so that workers do not move in step
						hello(w, r)
					}), testserver.Options{HTTP2: true, Memory: true}))
				}
				base := servers[0].Transport()
				base.DialContext = testserver.Distant(testserver.InTurn(servers...), time.Millisecond)
				client := &http.Client{Transport: base}
				if row.o != nil {
					p := pool.New(*row.o)
					defer p.Close()
					client = roundtripper.Client(client, p.Middleware)
				}
				load(t, client, servers[0].URL, workers, requests/workers)
				client.CloseIdleConnections()
				opened, most, least := 0, int64(0), int64(requests)
				for i, s := range servers {
					opened += s.Opened()
					most, least = max(most, served[i].Load()), min(least, served[i].Load())
					s.Close()
				}
				time.Sleep(time.Second) // for bytes on their way
				t.Logf("%d / %d / %d requests, %d connections", served[0].Load(), served[1].Load(), served[2].Load(), opened)
				third := float64(requests) / backends
				if row.within == 0 {
					if row.o != nil && opened != 1 {
						t.Errorf("%d connections, want one", opened)
					}
				} else if float64(most) > third*(1+row.within) || float64(least) < third*(1-row.within) {
					t.Errorf("%d at most, %d at least: not within %.0f %% of a third each", most, least, 100*row.within)
				}
			})
		})
	}
}

// net2 dials one server for its first connection, and another one for all others.
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
