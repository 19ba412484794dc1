package pool_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/warmconn/warmconn/internal/eventually"
	"github.com/warmconn/warmconn/internal/fullsize"
	"github.com/warmconn/warmconn/internal/testserver"
	"github.com/warmconn/warmconn/pool"
	"github.com/warmconn/warmconn/roundtripper"
)

// forgetful is a server behind a network that can forget connections, as a NAT does: packets of
// forgotten ones are swallowed, and new ones pass.
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

// runs begins a subtest. All subtests of a test run at the same time.
func runs(t *testing.T, all *sync.WaitGroup, name string, f func(*testing.T)) {
	all.Go(func() { t.Run(name, f) })
}

// TestADeadPathFailsOneRequest, on each protocol, and with each kind of time-out: the request's
// context, http.Client's or the transport's.
func TestADeadPathFailsOneRequest(t *testing.T) {
	// 300 ms are enough unless the machine is so busy that loopback seems far.
	deadline := time.Second
	if raceEnabled {
		deadline *= 4
	}
	var all sync.WaitGroup // they wait most of the time; t.Parallel would have as many as cores
	defer all.Wait()
	var dials sync.Mutex // one after the other, for ResponseHeaderTimeout acts on these, too
	for _, proto := range overProtocols {
		for _, by := range []string{"context", "client", "headers"} {
			for _, kit := range []bool{false, true} {
				if !kit && by != "context" {
					continue
				}
				runs(t, &all, fmt.Sprintf("%s/%s/kit=%v", proto.name, by, kit), func(t *testing.T) {
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
					requests := fullsize.Of(20, 1) // each takes its whole deadline
					var p *pool.Pool
					var last roundtripper.Exchange
					if kit {
						requests = 20
						p = pool.New(pool.Options{})
						t.Cleanup(func() { p.Close() })
						observe := roundtripper.Observe(roundtripper.Observer{End: func(_ context.Context, e roundtripper.Exchange) { last = e }})
						client = roundtripper.Client(client, observe, p.Middleware)
					}
					patient := *client // for requests that should succeed: a busy machine may take longer
					patient.Timeout = 0
					func() {
						dials.Lock()
						defer dials.Unlock()
						makeIdle(t, &patient, srv.URL, 8)
					}()
					if kit {
						eventually.True(t, "all to be idle before the silence", func() bool { s := p.Stats(); return s.Idle == s.Open })
					}
					srv.forget(t)
					failed, first := 0, -1
					var revived roundtripper.Exchange
					for i := 0; i < requests && (!kit || failed < 3); i++ {
						err := inTime(client, srv.URL, most)
						if kit {
							client, most = &patient, 10*time.Second
						}
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
					var s pool.Stats
					for range 1000 { // on a busy machine they go one after the other
						if s = p.Stats(); s.Open == 1 {
							break
						}
						time.Sleep(time.Millisecond)
					}
					if s.Open != 1 || s.Lost[roundtripper.ReasonDead] != uint64(srv.Opened()-1) {
						t.Errorf("%d open, lost %v; want %d dead, and one open", s.Open, s.Lost, srv.Opened()-1)
					}
				})
			}
		}
	}
}

// TestStreamsOnACondemnedConnectionAreAnswered: new requests avoid a condemned connection. It is
// closed when the last of its streams is over, and no stream fails for that.
func TestStreamsOnACondemnedConnectionAreAnswered(t *testing.T) {
	t.Parallel()
	there, answer := make(chan struct{}), make(chan struct{})
	srv := newForgetful(t, testserver.Options{HTTP2: true}, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/long" {
			close(there)
			<-answer
		}
		hello(w, r)
	})
	p := pool.New(pool.Options{})
	t.Cleanup(func() { p.Close() })
	var mu sync.Mutex
	var reasons []roundtripper.NewReason
	observe := roundtripper.Observe(roundtripper.Observer{End: func(_ context.Context, e roundtripper.Exchange) {
		mu.Lock()
		defer mu.Unlock()
		reasons = append(reasons, e.NewReason)
	}})
	client := roundtripper.Client(&http.Client{Transport: srv.Transport()}, observe, p.Middleware)
	makeIdle(t, client, srv.URL, 1)
	long := make(chan error, 1)
	go func() { long <- inTime(client, srv.URL+"/long", time.Minute) }()
	<-there
	srv.forget(t)
	if err := inTime(client, srv.URL, 600*time.Millisecond); err == nil { // the long one has taught the kernel delayed acknowledgements
		t.Error("an answer to a request that was swallowed")
	}
	for range 3 {
		if err := inTime(client, srv.URL, time.Minute); err != nil {
			t.Error(err)
		}
	}
	if s := p.Stats(); s.Open != 2 {
		t.Errorf("%d connections are open, want the condemned one and its successor", s.Open)
	}
	srv.remember(t)
	close(answer)
	if err := <-long; err != nil {
		t.Errorf("the stream on the condemned connection: %v", err)
	}
	eventually.True(t, "the condemned connection to be closed", func() bool { return p.Stats().Open == 1 })
	mu.Lock()
	defer mu.Unlock()
	want := []roundtripper.NewReason{"first", "", "dead", "", "", ""}
	if !slices.Equal(reasons, want) || p.Stats().Lost[roundtripper.ReasonDead] != 1 {
		t.Errorf("new for %q, want %q; lost %v", reasons, want, p.Stats().Lost)
	}
}

// TestAConnectionThatWasMadeInTheSilenceIsLeft: a connection that was made after the path died
// is not condemned.
func TestAConnectionThatWasMadeInTheSilenceIsLeft(t *testing.T) {
	var all sync.WaitGroup
	defer all.Wait()
	for _, proto := range overProtocols[:2] {
		runs(t, &all, proto.name, func(t *testing.T) {
			srv := newForgetful(t, proto.opts, hello)
			p := pool.New(pool.Options{})
			t.Cleanup(func() { p.Close() })
			client := roundtripper.Client(&http.Client{Transport: srv.Transport()}, p.Middleware)
			makeIdle(t, client, srv.URL, 2)
			srv.forget(t)
			silent := make(chan error, 2)
			for range 2 {
				go func() { silent <- inTime(client, srv.URL, 300*time.Millisecond) }()
			}
			eventually.True(t, "the requests to have their connections", func() bool { return p.Stats().Hosts[0].Idle == 0 })
			answered := func() {
				t.Helper()
				if err := inTime(client, srv.URL, time.Minute); err != nil {
					t.Error(err)
				}
			}
			answered()
			for range 2 {
				if err := <-silent; err == nil {
					t.Error("an answer to a request that was swallowed")
				}
			}
			answered()
			if s := p.Stats(); srv.Opened() != 3 || s.Lost[roundtripper.ReasonDead] == 0 {
				t.Errorf("%d connections, lost %v; want three, and those two dead", srv.Opened(), s.Lost)
			}
		})
	}
}

// pausing starts a proxy before addr. After pause it forwards nothing on the connections that it
// has, but their bytes are acknowledged, as by the kernel of a server whose program is slow.
func pausing(t *testing.T, addr string) (proxy string, pause func()) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var mu sync.Mutex
	var conns []net.Conn
	paused := make(chan struct{})
	var all sync.WaitGroup
	all.Go(func() {
		for {
			near, err := l.Accept()
			if err != nil {
				return
			}
			far, err := net.Dial("tcp", addr)
			if err != nil {
				near.Close()
				continue
			}
			mu.Lock()
			conns = append(conns, near, far)
			stop := paused
			mu.Unlock()
			all.Go(func() {
				io.Copy(far, near)
				far.Close()
			})
			all.Go(func() {
				buf := make([]byte, 4096)
				for {
					n, err := far.Read(buf)
					select {
					case <-stop: // bytes are read, and kept
					default:
						near.Write(buf[:n])
					}
					if err != nil {
						return
					}
				}
			})
		}
	})
	t.Cleanup(func() {
		l.Close()
		mu.Lock()
		for _, c := range conns {
			c.Close()
		}
		mu.Unlock()
		all.Wait()
	})
	return l.Addr().String(), func() {
		mu.Lock()
		defer mu.Unlock()
		close(paused)
		paused = make(chan struct{})
	}
}

// TestWhatTheKernelHasAcknowledgedIsNotCondemned: requests that were acknowledged condemn no
// connection, however many time out. Where the kernel can't be asked two in a row do. Bare
// net/http's failures are printed beside.
func TestWhatTheKernelHasAcknowledgedIsNotCondemned(t *testing.T) {
	const deadline, idle = 300 * time.Millisecond, 4
	var all sync.WaitGroup
	defer all.Wait()
	for _, proto := range overProtocols {
		for _, how := range []string{"bare", "seen", "hidden"} {
			runs(t, &all, proto.name+"/"+how, func(t *testing.T) {
				srv := testserver.New(http.HandlerFunc(hello), proto.opts)
				t.Cleanup(srv.Close)
				proxy, pause := pausing(t, srv.Addr)
				base := srv.Transport()
				base.MaxIdleConnsPerHost = idle
				var mu sync.Mutex
				var slowest time.Duration // dial
				base.DialContext = func(ctx context.Context, network, _ string) (net.Conn, error) {
					began := time.Now()
					defer func() {
						mu.Lock()
						defer mu.Unlock()
						slowest = max(slowest, time.Since(began))
					}()
					return new(net.Dialer).DialContext(ctx, network, proxy)
				}
				t.Cleanup(base.CloseIdleConnections)
				if how == "hidden" {
					swallows(base)
				}
				client := &http.Client{Transport: base}
				p := pool.New(pool.Options{})
				t.Cleanup(func() { p.Close() })
				if how != "bare" {
					client = roundtripper.Client(client, p.Middleware)
				}
				makeIdle(t, client, srv.URL, idle)
				if how != "bare" {
					eventually.True(t, "all to be idle before the silence", func() bool { s := p.Stats(); return s.Idle == s.Open })
				}
				pause()
				failed := 0
				most := deadline
				if how == "hidden" { // on a busy machine dials take long, by which a silence is told from a slow path, and so does it until a request is sent
					mu.Lock()
					most += deadline + 5*slowest
					mu.Unlock()
				}
				for range idle + 1 {
					if inTime(client, srv.URL, most) != nil {
						failed++
					}
					if how == "hidden" && failed >= 2 {
						most = 10 * time.Second // to dial: a busy machine may take longer
					}
				}
				dead := p.Stats().Lost[roundtripper.ReasonDead]
				t.Logf("%d of %d requests failed, %d connections were condemned", failed, idle+1, dead)
				switch how {
				case "seen":
					if dead != 0 {
						t.Error("want none")
					}
				case "hidden":
					if failed != 2 || dead == 0 {
						t.Error("want two failures, and then all condemned")
					}
				}
			})
		}
	}
}

// TestASlowServerIsNeverCondemned: on connections that have worked before, answers come after
// the requests' deadlines. Some of these are longer than the time after which the kernel shows
// a dead path.
func TestASlowServerIsNeverCondemned(t *testing.T) {
	var all sync.WaitGroup
	defer all.Wait()
	for _, proto := range overProtocols {
		workers, rounds := fullsize.Of(1000, 20), fullsize.Of(34, 1)
		if proto.name == "TLS" { // a handshake for each
			rounds = fullsize.Of(3, 1)
		}
		run := func(f func(*testing.T)) { runs(t, &all, proto.name, f) }
		if fullsize.Asked() { // a thousand clients
			run = func(f func(*testing.T)) { t.Run(proto.name, f) }
		}
		run(func(t *testing.T) {
			srv := testserver.New(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if r.URL.Path == "/slow" {
					<-r.Context().Done() // at the deadline, or the connection's end
				}
				hello(w, r)
			}), proto.opts)
			defer srv.Close()
			p := pool.New(pool.Options{})
			defer p.Close()
			var slow, reused atomic.Int64
			observe := roundtripper.Observe(roundtripper.Observer{End: func(_ context.Context, e roundtripper.Exchange) {
				if e.Err != nil {
					slow.Add(1)
					if e.Reused {
						reused.Add(1)
					}
				}
			}})
			var all sync.WaitGroup
			for i := range workers {
				all.Go(func() {
					base := srv.Transport()
					defer base.CloseIdleConnections()
					client := roundtripper.Client(&http.Client{Transport: base}, observe, p.Middleware)
					r := rand.New(rand.NewPCG(uint64(i), 1))
					for range rounds {
						for _, deadline := range []time.Duration{5 + time.Duration(r.IntN(45)), 240 + time.Duration(r.IntN(100)), 240 + time.Duration(r.IntN(100))} {
							inTime(client, srv.URL, time.Minute)
							inTime(client, srv.URL+"/slow", deadline*time.Millisecond)
						}
					}
				})
			}
			all.Wait()
			dead := p.Stats().Lost[roundtripper.ReasonDead]
			t.Logf("%d slow answers, %d of them on connections that had worked before; %d connections were condemned", slow.Load(), reused.Load(), dead)
			if n := int64(workers * rounds * 3); dead != 0 || reused.Load() < n*9/10 {
				t.Errorf("want none of some %d", n)
			}
		})
	}
}
