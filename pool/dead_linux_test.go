package pool_test

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/warmconn/warmconn/internal/fullsize"
	"github.com/warmconn/warmconn/internal/testserver"
	"github.com/warmconn/warmconn/pool"
	"github.com/warmconn/warmconn/roundtripper"
)

// forgetful is a server behind a network that can forget connections, as a NAT does: what
// comes for those is swallowed, and new ones pass.
type forgetful struct {
	*testserver.Server
	mu    sync.Mutex
	conns []syscall.Conn
}

func newForgetful(t *testing.T, o testserver.Options, h http.HandlerFunc) *forgetful {
	f := new(forgetful)
	o.Config = func(s *http.Server) {
		s.ConnContext = func(ctx context.Context, c net.Conn) context.Context {
			if tls, ok := c.(interface{ NetConn() net.Conn }); ok {
				c = tls.NetConn()
			}
			f.mu.Lock()
			defer f.mu.Unlock()
			f.conns = append(f.conns, c.(syscall.Conn))
			return ctx
		}
	}
	f.Server = testserver.New(h, o)
	t.Cleanup(f.Close)
	return f
}

// forget has the kernel drop each packet that comes for a connection that is there now,
// before TCP sees it: so none is acknowledged.
func (f *forgetful) forget(t *testing.T) { f.filter(t, 0) }

// remember lets everything pass again.
func (f *forgetful) remember(t *testing.T) { f.filter(t, 1<<16) }

func (f *forgetful) filter(t *testing.T, keep int) {
	t.Helper()
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, c := range f.conns {
		raw, err := c.SyscallConn()
		if err == nil {
			err = raw.Control(func(fd uintptr) {
				//lint:ignore SA1019 golang.org/x/net would be a dependency
				err = syscall.AttachLsf(int(fd), []syscall.SockFilter{*syscall.LsfStmt(syscall.BPF_RET+syscall.BPF_K, keep)})
			})
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}

// makeIdle makes n connections that lie idle; over HTTP/2 it is one.
func makeIdle(t *testing.T, client *http.Client, url string, n int) {
	t.Helper()
	var all []*http.Response
	for range n {
		resp, err := client.Get(url)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, resp)
	}
	for _, resp := range all {
		io.Copy(io.Discard, resp.Body)
		resp.Body.Close()
	}
}

// inTime sends a GET with a deadline.
func inTime(client *http.Client, url string, most time.Duration) error {
	ctx, cancel := context.WithTimeout(context.Background(), most)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, "GET", url, nil)
	if err != nil {
		return err
	}
	resp, err := client.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	_, err = io.Copy(io.Discard, resp.Body)
	return err
}

// TestADeadPathFailsOneRequest, on each protocol, whatever has seen of it first: the
// request's context, http.Client or the transport.
func TestADeadPathFailsOneRequest(t *testing.T) {
	const deadline = 300 * time.Millisecond
	for _, proto := range overProtocols {
		for _, by := range []string{"context", "client", "headers"} {
			for _, kit := range []bool{false, true} {
				if !kit && by != "context" {
					continue
				}
				t.Run(fmt.Sprintf("%s/%s/kit=%v", proto.name, by, kit), func(t *testing.T) {
					t.Parallel()
					srv := newForgetful(t, proto.opts, hello)
					base := srv.Transport()
					base.MaxIdleConnsPerHost = 8
					t.Cleanup(base.CloseIdleConnections)
					client := &http.Client{Transport: base}
					most := deadline
					switch by {
					case "client":
						client.Timeout, most = deadline, time.Minute
					case "headers":
						base.ResponseHeaderTimeout, most = deadline, time.Minute
					}
					requests := fullsize.Of(20, 10)
					var p *pool.Pool
					var last roundtripper.Exchange
					if kit {
						requests = 20
						p = pool.New(pool.Options{})
						t.Cleanup(func() { p.Close() })
						observe := roundtripper.Observe(roundtripper.Observer{End: func(_ context.Context, e roundtripper.Exchange) { last = e }})
						client = roundtripper.Client(client, observe, p.Middleware)
					}
					makeIdle(t, client, srv.URL, 8)
					srv.forget(t)
					failed, first := 0, -1
					var revived roundtripper.Exchange
					for i := range requests {
						err := inTime(client, srv.URL, most)
						switch {
						case err != nil:
							failed++
						case first < 0:
							first, revived = i, last
						}
					}
					if first < 0 {
						t.Logf("%d of %d requests failed", failed, requests)
					} else {
						t.Logf("%d of %d requests failed, the first to succeed was number %d", failed, requests, first+1)
					}
					if !kit {
						return
					}
					if failed != 1 || first != 1 {
						t.Errorf("%d requests failed, want the first alone", failed)
					}
					if revived.NewReason != roundtripper.ReasonDead || revived.Culprit != (roundtripper.Culprit{}) {
						t.Errorf("the next connection is new for %q, by %+v; want dead, by no request", revived.NewReason, revived.Culprit)
					}
					if s := p.Stats(); s.Open != 1 || s.Lost[roundtripper.ReasonDead] != uint64(srv.Opened()-1) {
						t.Errorf("%d open, lost %v; want %d dead, and one open", s.Open, s.Lost, srv.Opened()-1)
					}
				})
			}
		}
	}
}
