package pool

import (
	"context"
	"net"
	"net/http"
	"net/netip"
	"runtime"
	"sync/atomic"
	"testing"
	"time"
	"weak"

	"github.com/warmconn/warmconn/internal/connpool"
	"github.com/warmconn/warmconn/internal/eventually"
	"github.com/warmconn/warmconn/internal/stub"
	"github.com/warmconn/warmconn/internal/testserver"
)

// Neither the timer of the lookups nor a lookup under way keeps a dropped client, and they end
// with its connections.
func TestLookupsKeepNoDroppedClient(t *testing.T) {
	srv := testserver.New(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}), testserver.Options{})
	defer srv.Close()
	var running, asked atomic.Int32
	p := New(Options{Resolve: time.Millisecond, IdleTimeout: -1, LookupNetIP: func(ctx context.Context, _ string) ([]netip.Addr, error) {
		running.Add(1)
		defer running.Add(-1)
		if asked.Add(1) > 5 {
			<-ctx.Done()
		}
		return []netip.Addr{netip.MustParseAddr("127.0.0.1")}, nil
	}})
	defer p.Close()
	dropped := func() (conns weak.Pointer[connpool.Pool]) {
		rt := p.Middleware(&http.Transport{DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
			return srv.Dial(ctx, network, srv.Addr)
		}})
		req, _ := http.NewRequest("GET", "http://example.com", nil)
		if err := stub.Do(rt, req); err != nil {
			t.Fatal(err)
		}
		eventually.True(t, "a lookup that takes long", func() bool { return asked.Load() > 5 })
		for _, s := range p.bases.sites {
			conns = weak.Make(s.Value().conns)
		}
		runtime.KeepAlive(rt)
		return conns
	}()
	eventually.Collected(t, "the client's connections to be collected", func() bool {
		return dropped.Value() == nil && p.Stats().Open == 0 && running.Load() == 0
	})
}
