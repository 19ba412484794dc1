package pool_test

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/http/httptrace"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/warmconn/warmconn/internal/deadline"
	"github.com/warmconn/warmconn/internal/tcpinfo"
	"github.com/warmconn/warmconn/internal/testserver"
)

// forgetful is a server behind a network that can forget connections, as a NAT does: packets of
// forgotten ones are swallowed, and new ones pass.
type forgetful struct {
	*testserver.Server
	mu    sync.Mutex
	conns []syscall.Conn // the server's ends
	ends  []*net.TCPConn // the client's
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

// transport keeps the client's ends of its connections.
func (f *forgetful) transport() *http.Transport {
	base := f.Transport()
	base.DialContext = func(ctx context.Context, network, addr string) (net.Conn, error) {
		c, err := f.Dial(ctx, network, addr)
		if tcp, ok := c.(*net.TCPConn); ok {
			f.mu.Lock()
			defer f.mu.Unlock()
			f.ends = append(f.ends, tcp)
		}
		return c, err
	}
	return base
}

// swallowed sends a request that the network swallows. Its deadline passes when hold is closed, and the
// client's kernel has sent again in vain: how long that takes depends on how slow
// the machine makes loopback.
func (f *forgetful) swallowed(client *http.Client, url string, hold <-chan struct{}) error {
	ctx, pass := deadline.Below(context.Background())
	var local net.Addr
	sent := make(chan time.Time, 1)
	hooks := &httptrace.ClientTrace{
		GotConn: func(g httptrace.GotConnInfo) { local = g.Conn.LocalAddr() },
		WroteRequest: func(httptrace.WroteRequestInfo) {
			select {
			case sent <- time.Now():
			default: // sent again
			}
		},
	}
	done := make(chan error, 1)
	go func() { done <- getIn(httptrace.WithClientTrace(ctx, hooks), client, url) }()
	at := <-sent
	<-hold
	for range 1000 {
		if f.gaveUp(local, at) {
			break
		}
		time.Sleep(10 * time.Millisecond)
	}
	pass()
	return <-done
}

// gaveUp reports whether the client's kernel has sent what it was given at that time once more,
// and had time for an answer to that.
func (f *forgetful) gaveUp(local net.Addr, at time.Time) (yes bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, c := range f.ends {
		if c.LocalAddr().String() != local.String() {
			continue
		}
		if raw, err := c.SyscallConn(); err == nil {
			raw.Control(func(fd uintptr) {
				info, ok := tcpinfo.Of(fd)
				wants := time.Duration(info.Rto>>min(info.Backoff, 16)+info.Rtt+4*info.Rttvar) * time.Microsecond
				yes = ok && info.Unacked > 0 && info.Total_retrans > 0 && time.Since(at) > wants+30*time.Millisecond
			})
		}
	}
	return yes
}

// forget has the kernel drop each packet for the connections of now before TCP sees it: so none
// is acknowledged.
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
		if err != nil && !errors.Is(err, net.ErrClosed) { // a dial that no request needed
			t.Fatal(err)
		}
	}
}
