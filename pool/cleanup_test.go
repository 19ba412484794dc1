package pool_test

import (
	"context"
	"io"
	"net"
	"net/http"
	"runtime"
	"sync/atomic"
	"testing"

	"github.com/warmconn/warmconn/internal/eventually"
	"github.com/warmconn/warmconn/internal/testserver"
	"github.com/warmconn/warmconn/pool"
)

// stubborn is a connection whose Close blocks.
type stubborn struct {
	net.Conn
	closing *atomic.Int32
	goOn    <-chan struct{}
}

func (c stubborn) Close() error {
	c.closing.Add(1)
	<-c.goOn
	return c.Conn.Close()
}

// The runtime has one goroutine for clean-ups for every four processors.
func TestADroppedClientKeepsNoCleanUpWaitingForItsSockets(t *testing.T) {
	srv := testserver.New(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, "x") }), testserver.Options{})
	defer srv.Close()
	var closing, cleaned atomic.Int32
	goOn := make(chan struct{})
	defer close(goOn)
	p := pool.New(pool.Options{})
	n := runtime.GOMAXPROCS(0)/4 + 1
	for range n {
		func() {
			base := srv.Transport()
			base.DialContext = func(ctx context.Context, network, addr string) (net.Conn, error) {
				c, err := srv.Dial(ctx, network, addr)
				return stubborn{c, &closing, goOn}, err
			}
			if err := get(&http.Client{Transport: p.Middleware(base)}, srv.URL); err != nil {
				t.Fatal(err)
			}
		}()
	}
	eventually.Collected(t, "the connections of the dropped clients to be closed", func() bool {
		return int(closing.Load()) == n
	})
	runtime.AddCleanup(new([64]byte), func(int) { cleaned.Add(1) }, 0)
	eventually.Collected(t, "another clean-up", func() bool {
		return cleaned.Load() == 1
	})
}
