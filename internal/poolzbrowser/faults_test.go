package poolzbrowser

import (
	"context"
	"io"
	"net"
	"net/http"
	"net/netip"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"github.com/warmconn/warmconn/internal/testserver"
	"github.com/warmconn/warmconn/pool"
)

// homes are the addresses that a name has, one after the other.
var homes = [2]netip.Addr{netip.MustParseAddr("127.0.0.1"), netip.MustParseAddr("127.0.0.2")}

func TestThePageShowsNetworkFaultsAsTheyHappen(t *testing.T) {
	b := open(t)
	var home atomic.Int64
	w := newWorld(t, pool.Options{
		MinHTTP2Conns: 3, Resolve: 50 * time.Millisecond,
		LookupNetIP: func(context.Context, string) ([]netip.Addr, error) {
			return []netip.Addr{homes[home.Load()]}, nil
		},
	})
	url := serve(t, w.pool)
	b.do(chromedp.Navigate(url))

	srv := w.serverThat(testserver.Options{Config: func(s *http.Server) { s.IdleTimeout = 250 * time.Millisecond }})
	c := w.client(srv.Transport())
	for range 40 { // a busy machine's timers are late, and then the Pool believes no limit
		w.get(c, srv.URL)
		w.pass(400 * time.Millisecond)
		if w.pool.Stats().Hosts[0].ServerIdle > 0 {
			break
		}
	}
	b.wait("the server's idle limit", row(srv.URL), "server idle ", "server_closed_idle")
	b.wait("the server's idle limit", section("h-events"), "the server keeps idle connections for ")

	if testserver.CannotSwallow() == "" {
		var mu sync.Mutex
		var conns []net.Conn
		srv := w.serverThat(testserver.Options{Config: func(s *http.Server) {
			s.ConnContext = func(ctx context.Context, c net.Conn) context.Context {
				mu.Lock()
				defer mu.Unlock()
				conns = append(conns, c)
				return ctx
			}
		}})
		c := w.client(srv.Transport())
		w.atOnce(c, srv.URL, 4)
		mu.Lock()
		for _, c := range conns {
			if err := testserver.Swallow(c); err != nil {
				t.Fatal(err)
			}
		}
		mu.Unlock()
		w.inTime(c, srv.URL, 2*time.Second) // a shorter one would do but for a busy machine
		w.get(c, srv.URL)
		b.wait("a path that died", row(srv.URL), "dead")
		b.wait("a path that died", section("h-events"), "failed", "timeout", "closed", "dead")
	}

	moved := w.transport()
	moved.DialContext = func(ctx context.Context, network, _ string) (net.Conn, error) {
		i := home.Load()
		c, err := w.srv.Dial(ctx, network, w.srv.Addr)
		if err != nil {
			return nil, err
		}
		return at{c, net.TCPAddrFromAddrPort(netip.AddrPortFrom(homes[i], 80))}, nil
	}
	c = w.client(moved)
	w.atOnce(c, "http://moved.example/", 4)
	home.Store(1)
	b.wait("a name that moved", section("h-events"), "address_gone", "moved.example")
	w.get(c, "http://moved.example/")
	b.wait("a name that moved", row("http://moved.example:80"), "address_gone")
	home.Store(0)

	var backends [3]*testserver.Server
	for i := range backends {
		backends[i] = w.serverThat(testserver.Options{HTTP2: true})
	}
	base := backends[0].Transport()
	base.TLSClientConfig.InsecureSkipVerify = true // each has a certificate of its own
	base.DialContext = testserver.InTurn(backends[:]...)
	c = w.client(base)
	w.get(c, "https://backends.example/")
	w.atOnce(c, "https://backends.example/slow?for=100ms", 30)
	b.wait("three backends", row("https://backends.example:443"), "3 0 in use, 3 idle")
	w.atOnce(c, "https://backends.example/slow?for=100ms", 30) // the others may have come behind the last request of before
	b.wait("three backends", row("https://backends.example:443"), "3 0 in use, 3 idle", "all_busy")
	b.do(chromedp.Navigate(url+"?host=https%3A%2F%2Fbackends.example%3A443"), chromedp.WaitVisible("table.conns"))
	b.wait("three backends", section("h-conns"), "HTTP/2.0", backends[0].Addr, backends[1].Addr, backends[2].Addr)
	b.do(chromedp.Navigate(url))

	srv = w.serverThat(testserver.Options{HTTP2: true})
	base = srv.Transport()
	base.DialContext = testserver.Distant(srv.Dial, 20*time.Millisecond)
	c = w.client(base)
	w.atOnce(c, srv.URL, 100)
	b.wait("100 first requests", row(srv.URL), "100", "9", "%", "first")
	b.clean()
}

func (w *world) serverThat(o testserver.Options) *testserver.Server {
	srv := testserver.New(http.HandlerFunc(answer), o)
	w.t.Cleanup(srv.Close)
	return srv
}

// pass waits: the server's clock is the system's.
func (w *world) pass(d time.Duration) {
	select {
	case <-time.After(d):
	case <-w.t.Context().Done():
	}
}

// atOnce sends n requests, and reads their bodies when all are there.
func (w *world) atOnce(c *http.Client, url string, n int) {
	w.t.Helper()
	var all sync.WaitGroup
	there := make(chan *http.Response, n)
	for range n {
		all.Go(func() {
			resp, err := c.Get(url)
			if err != nil {
				w.t.Error(err)
				return
			}
			there <- resp
		})
	}
	all.Wait()
	close(there)
	for resp := range there {
		io.Copy(io.Discard, resp.Body)
		resp.Body.Close()
	}
}

// inTime sends a request that has so long.
func (w *world) inTime(c *http.Client, url string, d time.Duration) {
	ctx, cancel := context.WithTimeout(w.t.Context(), d)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		w.t.Fatal(err)
	}
	if resp, err := c.Do(req); err == nil {
		resp.Body.Close()
		w.t.Error("a request got through a path that is dead")
	}
}

// at is a connection to a server that says it is at addr.
type at struct {
	net.Conn
	addr net.Addr
}

func (c at) RemoteAddr() net.Addr { return c.addr }
