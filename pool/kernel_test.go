package pool_test

import (
	"net/http"
	"runtime"
	"testing"
	"time"

	"github.com/warmconn/warmconn/internal/eventually"
	"github.com/warmconn/warmconn/internal/fullsize"
	"github.com/warmconn/warmconn/internal/testserver"
	"github.com/warmconn/warmconn/pool"
	"github.com/warmconn/warmconn/roundtripper"
)

// During traffic each snapshot adds up. After it the pool, the server and the kernel count the
// same.
func TestStatsAgreeWithTheKernel(t *testing.T) {
	t.Parallel()
	for _, proto := range overProtocols {
		t.Run(proto.name, func(t *testing.T) {
			srv := testserver.New(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if r.URL.Path == "/close" {
					w.Header().Set("Connection", "close")
				}
				hello(w, r)
			}), proto.opts)
			defer srv.Close()
			p := pool.New(pool.Options{MaxConnAge: 5 * time.Millisecond})
			defer p.Close()
			client := roundtripper.Client(&http.Client{Transport: srv.Transport()}, p.Middleware)
			stop, watched := make(chan struct{}), make(chan int)
			go func() {
				snapshots := 0
				for ; ; snapshots++ {
					s := p.Stats()
					adds(t, "all hosts", s.Open, s.Opened, s.Closed, s.Lost)
					for _, h := range s.Hosts {
						adds(t, h.Host, h.Open, h.Opened, h.Closed, h.Lost)
						if h.Active < 0 || h.Idle < 0 || h.Active+h.Idle > h.Open || h.InUse < 0 {
							t.Errorf("snapshot %+v", h)
						}
					}
					select {
					case <-stop:
						watched <- snapshots
						return
					case <-time.After(500 * time.Microsecond):
					}
				}
			}()
			n := fullsize.Of(100, 10)
			load(t, client, srv.URL, 10, n)
			load(t, client, srv.URL+"/close", 10, n/5)
			load(t, client, srv.URL, 10, n)
			close(stop)
			t.Logf("%d snapshots, lost by reason: %v", <-watched, p.Stats().Lost)
			eventually.True(t, "the pool, the server and the kernel to agree", func() bool {
				s := p.Stats()
				n := s.Open
				if n != srv.Open() || int(s.Opened) != srv.Opened() {
					return false // without asking the kernel
				}
				sockets, ok := srv.Established()
				if !ok {
					t.Skip("SKIPPED: the kernel here does not tell of sockets")
				}
				return n == sockets
			})
			runtime.KeepAlive(client) // or the collector closes what is left open
			if n := p.Stats().InUse; n != 0 {
				t.Errorf("%d in use", n)
			}
		})
	}
}

func adds(t *testing.T, host string, open int, opened, closed uint64, lost map[roundtripper.NewReason]uint64) {
	var sum uint64
	for _, n := range lost {
		sum += n
	}
	if uint64(open) != opened-closed || sum != closed {
		t.Errorf("%s: open %d, opened %d, closed %d, lost %v", host, open, opened, closed, lost)
	}
}
