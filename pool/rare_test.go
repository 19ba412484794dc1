package pool_test

import (
	"context"
	"net/http"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/warmconn/warmconn/internal/eventually"
	"github.com/warmconn/warmconn/internal/testserver"
	"github.com/warmconn/warmconn/pool"
	"github.com/warmconn/warmconn/roundtripper"
)

// connGoroutines counts the goroutines that net/http runs for a client's connections.
func connGoroutines() int {
	buf := make([]byte, 1<<20)
	stacks := string(buf[:runtime.Stack(buf, true)])
	return strings.Count(stacks, "net/http.(*persistConn).") + strings.Count(stacks, "lientConn).readLoop") + strings.Count(stacks, "ClientConnReadLoop")
}

// throughRareClient returns a RareClient that trusts the server, under an Observer. Below is the
// Pool's own transport.
func throughRareClient(p *pool.Pool, srv *testserver.Server, o roundtripper.Observer) *http.Client {
	c := p.RareClient()
	if base, ok := roundtripper.As[*http.Transport](c.Transport); ok && srv.ClientTLS() != nil {
		base.TLSClientConfig = srv.ClientTLS()
	}
	return roundtripper.Client(c, roundtripper.Observe(o))
}

// I4, I5: no connection is kept, and the Exchange says that this is on purpose.
func TestRareClientLeavesNothingBehind(t *testing.T) {
	for name, o := range map[string]testserver.Options{"plain": {}, "tls": {TLS: true}, "http2": {HTTP2: true}} {
		t.Run(name, func(t *testing.T) {
			srv := testserver.New(http.HandlerFunc(hello), o)
			defer srv.Close()
			before := connGoroutines()
			p := pool.New(pool.Options{MaxIdlePerHost: 10})
			defer p.Close()
			var ends atomic.Int32
			c := throughRareClient(p, srv, roundtripper.Observer{End: func(_ context.Context, e roundtripper.Exchange) {
				ends.Add(1)
				if e.NewReason != roundtripper.ReasonKeepAlivesDisabled || e.LostReason != roundtripper.ReasonKeepAlivesDisabled || e.Reused || e.Returned {
					t.Errorf("new for %q, lost for %q; want keepalives_disabled", e.NewReason, e.LostReason)
				}
			}})
			const n = 5
			for i := range n {
				if err := get(c, srv.URL); err != nil {
					t.Fatal(err)
				}
				eventually.True(t, "the connection to close", func() bool { return srv.Open() == 0 })
				if got := srv.Opened(); got != i+1 {
					t.Errorf("%d connections for %d calls", got, i+1)
				}
			}
			if ends.Load() != n {
				t.Errorf("%d exchanges observed, want %d", ends.Load(), n)
			}
			eventually.True(t, "net/http's goroutines to end", func() bool { return connGoroutines() <= before })
			eventually.True(t, "nothing to be in use or open", func() bool {
				s := p.Stats()
				return s.InUse == 0 && s.Open == 0
			})
			if s := p.Stats(); s.Requests != n {
				t.Errorf("%d requests counted, want %d", s.Requests, n)
			}
		})
	}
}

func TestRareClientsShareATransportThatIsNotClients(t *testing.T) {
	p := pool.New(pool.Options{})
	defer p.Close()
	transport := func(c *http.Client) *http.Transport {
		base, ok := roundtripper.As[*http.Transport](c.Transport)
		if !ok {
			t.Fatal("no transport at the bottom")
		}
		return base
	}
	a, b, c := p.RareClient(), p.RareClient(), p.Client()
	if transport(a) != transport(b) {
		t.Error("two RareClients have a transport each")
	}
	if transport(a) == transport(c) || !transport(a).DisableKeepAlives || transport(c).DisableKeepAlives {
		t.Error("RareClient and Client share a transport")
	}
}

func TestRareClientHasTheLimitsAndLeaksOfItsPool(t *testing.T) {
	srv := testserver.New(http.HandlerFunc(hello), testserver.Options{})
	defer srv.Close()
	var r reports
	p := pool.New(pool.Options{MaxPerHost: 1, MaxWaiting: -1, OnLeak: r.add})
	defer p.Close()
	c := p.RareClient()
	held, err := c.Get(srv.URL)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := p.Client().Get(srv.URL); !isErr(err, pool.ErrQueueFull) {
		t.Errorf("a second request got %v, want ErrQueueFull", err)
	}
	held.Body.Close()
	forget(t, c, srv.URL)
	eventually.Collected(t, "the leak", func() bool { return len(r.list()) == 1 })
	eventually.True(t, "the connection to close", func() bool { return srv.Open() == 0 })
}
