package pool_test

import (
	"context"
	"fmt"
	"net/http"
	"runtime"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/warmconn/warmconn/internal/eventually"
	"github.com/warmconn/warmconn/internal/fullsize"
	"github.com/warmconn/warmconn/internal/testserver"
	"github.com/warmconn/warmconn/pool"
	"github.com/warmconn/warmconn/roundtripper"
)

// runs begins a subtest. All subtests of a test run at the same time.
func runs(t *testing.T, all *sync.WaitGroup, name string, f func(*testing.T)) {
	all.Go(func() { t.Run(name, f) })
}

// TestADeadPathFailsOneRequest, on each protocol, and with each kind of time-out: the request's
// context, http.Client's or the transport's.
func TestADeadPathFailsOneRequest(t *testing.T) {
	t.Parallel()
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
						base.ResponseHeaderTimeout, most = 2*deadline, time.Minute // of the other requests, too
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
						eventually.True(t, "all to be idle before the silence", func() bool { h := p.Stats().Hosts[0]; return h.Idle == h.Open && h.Dialing == 0 })
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
					runtime.KeepAlive(client) // the connections of a client that is collected are closed
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
	client := roundtripper.Client(&http.Client{Transport: srv.transport()}, observe, p.Middleware)
	makeIdle(t, client, srv.URL, 1)
	now := make(chan struct{})
	close(now)
	long := make(chan error, 1)
	go func() { long <- inTime(client, srv.URL+"/long", time.Minute) }()
	<-there
	srv.forget(t)
	if err := srv.swallowed(client, srv.URL, now); err == nil {
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
	runtime.KeepAlive(client)
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
			client := roundtripper.Client(&http.Client{Transport: srv.transport()}, p.Middleware)
			makeIdle(t, client, srv.URL, 2)
			srv.forget(t)
			silent, made := make(chan error, 2), make(chan struct{})
			for range 2 {
				go func() { silent <- srv.swallowed(client, srv.URL, made) }()
			}
			eventually.True(t, "the requests to have their connections", func() bool { return p.Stats().Hosts[0].Idle == 0 })
			answered := func() {
				t.Helper()
				if err := inTime(client, srv.URL, time.Minute); err != nil {
					t.Error(err)
				}
			}
			answered()
			close(made)
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
