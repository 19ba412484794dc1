package pool_test

import (
	"context"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptrace"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/warmconn/warmconn/internal/deadline"
	"github.com/warmconn/warmconn/internal/eventually"
	"github.com/warmconn/warmconn/internal/fullsize"
	"github.com/warmconn/warmconn/internal/testserver"
	"github.com/warmconn/warmconn/pool"
	"github.com/warmconn/warmconn/roundtripper"
)

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
	t.Parallel()
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
					eventually.True(t, "all to be idle before the silence", func() bool { h := p.Stats().Hosts[0]; return h.Idle == h.Open && h.Dialing == 0 })
				}
				pause()
				failed := 0
				most := deadline
				if how == "hidden" { // on a busy machine dials take long, by which a silence is told from a slow path
					mu.Lock()
					most += deadline + 5*slowest
					mu.Unlock()
				}
				for range idle + 1 {
					if onceSent(client, srv.URL, most) != nil {
						failed++
					}
					if how == "hidden" && failed >= 2 {
						most = 10 * time.Second // for an answer
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

// onceSent is get with a deadline that counts from when the request was written.
func onceSent(client *http.Client, url string, most time.Duration) error {
	ctx, pass := deadline.Below(context.Background())
	hooks := &httptrace.ClientTrace{WroteRequest: func(httptrace.WroteRequestInfo) { time.AfterFunc(most, pass) }}
	return getIn(httptrace.WithClientTrace(ctx, hooks), client, url)
}

// TestASlowServerIsNeverCondemned: on connections that have worked before, answers come after
// the requests' deadlines. Some of these are longer than the time after which the kernel shows
// a dead path.
func TestASlowServerIsNeverCondemned(t *testing.T) {
	if !fullsize.Asked() { // a thousand clients disturb others
		t.Parallel()
	}
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
			var slow, reused, fresh atomic.Int64
			observe := roundtripper.Observe(roundtripper.Observer{End: func(_ context.Context, e roundtripper.Exchange) {
				if e.Err != nil {
					slow.Add(1)
					switch {
					case e.Reused:
						reused.Add(1)
					case e.ConnID != 0: // else its deadline came before its connection
						fresh.Add(1)
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
			if dead != 0 {
				t.Error("want none")
			}
			// Net/http does not put back a connection whose writer had no turn for 50 ms: among few, some.
			if fullsize.Asked() && reused.Load() < 9*fresh.Load() || reused.Load() < slow.Load()/2 {
				t.Errorf("%d were on new connections", fresh.Load())
			}
		})
	}
}
