package pool_test

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"strings"
	"testing"

	"github.com/warmconn/warmconn/internal/eventually"
	"github.com/warmconn/warmconn/internal/testserver"
	"github.com/warmconn/warmconn/pool"
)

// asking returns a transport that calls ask, without a context, before it dials a host whose name
// begins with "new". All hosts are srv.
func asking(t *testing.T, srv *testserver.Server, ask func() error) *http.Transport {
	tr := &http.Transport{DialContext: func(ctx context.Context, network, addr string) (net.Conn, error) {
		if strings.HasPrefix(addr, "new") {
			if err := ask(); err != nil {
				return nil, err
			}
		}
		return srv.Dial(ctx, network, srv.Addr)
	}}
	t.Cleanup(tr.CloseIdleConnections)
	return tr
}

// A resolver or a source of tokens often has a Background context of its own. Only the goroutine
// shows that it is called for a dial.
func TestDialersRequestsWithoutAContextDoNotWaitForTheirSlot(t *testing.T) {
	const limit = 2
	for _, o := range []pool.Options{{MaxTotal: limit}, {MaxTotal: limit, MaxWaiting: -1}, {MaxTotal: limit, RefuseHopeless: true}} {
		for _, owned := range []bool{true, false} {
			t.Run(fmt.Sprintf("owned=%v, waiting=%d, hopeless=%v", owned, o.MaxWaiting, o.RefuseHopeless), func(t *testing.T) {
				srv := answers(t)
				p := pool.New(o)
				defer p.Close()
				var client *http.Client
				meet := rendezvous(limit)
				rt := http.RoundTripper(asking(t, srv, func() error {
					meet() // all slots are taken
					return fetch(client, srv.URL+"/dns-query")
				}))
				if !owned {
					rt = sdk{rt, func(*http.Request) {}}
				}
				client = &http.Client{Transport: p.Middleware(rt)}
				done := make(chan error)
				for i := range limit {
					go func() { done <- fetch(client, fmt.Sprintf("http://new%d.example/", i)) }()
				}
				for range limit {
					if err := within(t, done); err != nil {
						t.Error(err)
					}
				}
				if s := p.Stats(); s.InUse != 0 || s.Waiting != 0 {
					t.Errorf("%d slots in use and %d waiting, want none", s.InUse, s.Waiting)
				}
			})
		}
	}
}

// A dialer's request goes past a limit only if it might wait for itself there. It waits as usual
// under the limit of a host to which nothing is dialed, or of another Pool.
func TestDialersRequestsWaitForSlotsThatOthersHave(t *testing.T) {
	for _, c := range []struct {
		name string
		same bool // the dialer's request goes through the Pool for which it dials
		o    pool.Options
	}{
		{"another host", true, pool.Options{MaxPerHost: 1}},
		{"another Pool", false, pool.Options{MaxTotal: 1}},
	} {
		t.Run(c.name, func(t *testing.T) {
			srv := answers(t)
			p := pool.New(c.o)
			defer p.Close()
			above := p
			if !c.same {
				above = pool.New(pool.Options{})
				defer above.Close()
			}
			asked := &http.Client{Transport: p.Middleware(srv.Transport())}
			client := &http.Client{Transport: above.Middleware(asking(t, srv, func() error { return fetch(asked, srv.URL) }))}
			held, err := asked.Get(srv.URL)
			if err != nil {
				t.Fatal(err)
			}
			done := make(chan error)
			go func() { done <- fetch(client, "http://new.example/") }()
			eventually.True(t, "the dialer's request to wait", func() bool { return p.Stats().Waiting == 1 })
			held.Body.Close()
			if err := within(t, done); err != nil {
				t.Error(err)
			}
		})
	}
}
