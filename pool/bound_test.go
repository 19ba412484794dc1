package pool_test

import (
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/warmconn/warmconn/drain"
	"github.com/warmconn/warmconn/internal/eventually"
	"github.com/warmconn/warmconn/internal/fullsize"
	"github.com/warmconn/warmconn/internal/testserver"
	"github.com/warmconn/warmconn/pool"
	"github.com/warmconn/warmconn/roundtripper"
)

// counted is a dialer that counts its open connections: now, and at most.
type counted struct{ open, most atomic.Int64 }

func (c *counted) dial(ctx context.Context, network, addr string) (net.Conn, error) {
	n := c.open.Add(1) // from the start of the dial
	for most := c.most.Load(); n > most && !c.most.CompareAndSwap(most, n); most = c.most.Load() {
	}
	nc, err := new(net.Dialer).DialContext(ctx, network, addr)
	if err != nil {
		c.open.Add(-1)
		return nil, err
	}
	return &countedConn{Conn: nc, of: c}, nil
}

type countedConn struct {
	net.Conn
	of   *counted
	once sync.Once
}

func (c *countedConn) Close() error {
	err := c.Conn.Close()
	c.once.Do(func() { c.of.open.Add(-1) })
	return err
}

// Requests give up, break off their bodies, or have a server that closes; and there are never
// more connections than the limit, handshakes included.
func TestLimitBoundsConnectionsWhateverRequestsDo(t *testing.T) {
	t.Parallel()
	const limit, workers = 8, 50
	requests := fullsize.Of(400, 8)
	for _, secure := range []bool{false, true} {
		t.Run(fmt.Sprintf("tls=%v", secure), func(t *testing.T) {
			srv := testserver.New(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				switch r.URL.Path {
				case "/close":
					w.Header().Set("Connection", "close")
				case "/slow":
					select {
					case <-time.After(time.Duration(rand.IntN(5)) * time.Millisecond):
					case <-r.Context().Done():
					}
				case "/long":
					io.WriteString(w, strings.Repeat("x", 100_000))
				}
				hello(w, r)
			}), testserver.Options{TLS: secure})
			defer srv.Close()
			var dials counted
			base := srv.Transport()
			base.DialContext = dials.dial
			p := pool.New(pool.Options{MaxPerHost: limit})
			defer p.Close()
			client := roundtripper.Client(&http.Client{Transport: base}, drain.New(drain.Options{}).Middleware, p.Middleware)
			paths := []string{"/", "/", "/close", "/slow", "/long"}
			var wg sync.WaitGroup
			for range workers {
				wg.Go(func() {
					for range requests {
						ctx, cancel := context.WithCancel(t.Context())
						if rand.IntN(4) == 0 {
							// While it waits, dials, shakes hands, reads.
							ctx, cancel = context.WithTimeout(ctx, rand.N(4*time.Millisecond))
						}
						req, _ := http.NewRequestWithContext(ctx, "GET", srv.URL+paths[rand.IntN(len(paths))], nil)
						resp, err := client.Do(req)
						if err == nil {
							if rand.IntN(2) == 0 {
								io.Copy(io.Discard, resp.Body)
							}
							resp.Body.Close()
						} else if ctx.Err() == nil {
							t.Error(err)
						}
						cancel()
					}
				})
			}
			wg.Wait()
			if most := dials.most.Load(); most > limit {
				t.Errorf("%d connections at once, want at most %d", most, limit)
			}
			client.CloseIdleConnections()
			eventually.True(t, "all connections to close", func() bool { return p.Stats().Open == 0 && dials.open.Load() == 0 })
			t.Logf("%d connections, at most %d at once, lost by reason: %v", srv.Opened(), dials.most.Load(), p.Stats().Lost)
		})
	}
}

// A server accepts connections and stays silent, so that its handshakes hold all places of the
// limit; their requests give up. When the server works again, the next requests must neither
// wait behind those handshakes, nor exceed the limit.
func TestHandshakesThatHangMakeRoom(t *testing.T) {
	t.Parallel()
	srv := testserver.New(http.HandlerFunc(hello), testserver.Options{TLS: true})
	defer srv.Close()
	silent, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	var ill atomic.Bool
	ill.Store(true)
	var dials counted
	base := srv.Transport()
	base.TLSHandshakeTimeout = time.Hour
	base.DialContext = func(ctx context.Context, network, addr string) (net.Conn, error) {
		if ill.Load() {
			addr = silent.Addr().String()
		}
		return dials.dial(ctx, network, addr)
	}
	const limit = 2
	p := pool.New(pool.Options{MaxPerHost: limit})
	defer p.Close()
	client := roundtripper.Client(&http.Client{Transport: base}, p.Middleware)
	var wg sync.WaitGroup
	for range limit {
		wg.Go(func() {
			ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
			defer cancel()
			req, _ := http.NewRequestWithContext(ctx, "GET", srv.URL, nil)
			if _, err := client.Do(req); err == nil {
				t.Error("the silent server answered")
			}
		})
	}
	wg.Wait()
	ill.Store(false)
	if err := inTime(client, srv.URL, time.Minute); err != nil {
		t.Fatalf("behind handshakes that hang for an hour: %v", err)
	}
	if most := dials.most.Load(); most > limit {
		t.Errorf("%d connections at once, want at most %d", most, limit)
	}
}
