package connpool

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/warmconn/warmconn/internal/loss"
	"github.com/warmconn/warmconn/internal/testserver"
)

// spreading is a Pool over an HTTP/2 server 20 ms away, in a bubble, whose responses to /held
// wait. Dial is called for each dial, with its number.
type spreading struct {
	p     *Pool
	url   string
	dials atomic.Int32
	there atomic.Int32 // requests that the server has
	held  chan struct{}
}

func spread(t *testing.T, o Options, limit int, dial func(ctx context.Context, n int32) error) *spreading {
	s := &spreading{held: make(chan struct{})}
	srv := testserver.New(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/held" {
			s.there.Add(1)
			<-s.held
		}
		io.WriteString(w, "hello")
	}), testserver.Options{HTTP2: true, Memory: true, Config: func(srv *http.Server) {
		srv.HTTP2 = &http.HTTP2Config{MaxConcurrentStreams: limit}
	}})
	base := srv.Transport()
	far := testserver.Distant(srv.Dial, 20*time.Millisecond)
	base.DialContext = func(ctx context.Context, network, addr string) (net.Conn, error) {
		if n := s.dials.Add(1); dial != nil {
			if err := dial(ctx, n); err != nil {
				return nil, err
			}
		}
		return far(ctx, network, addr)
	}
	s.p, s.url = newPool(t, base, o), srv.URL
	t.Cleanup(func() {
		settles(t, s.p)
		srv.Close()
		time.Sleep(time.Minute) // until the dials that were under way have ended
	})
	return s
}

// loads are the numbers of streams of the connections that take streams.
func (s *spreading) loads() (of []int) {
	s.p.hosts.each(func(h *Host) {
		h.mu.Lock()
		defer h.mu.Unlock()
		for _, c := range h.direct.shared {
			of = append(of, c.loadLocked())
		}
	})
	return of
}

// hold sends that many requests whose responses wait for the end of the test.
func (s *spreading) hold(t *testing.T, n int) (done []<-chan error) {
	for range n {
		done = append(done, send(t.Context(), rt{p: s.p}, s.url+"/held"))
	}
	return done
}

func (s *spreading) release(t *testing.T, done []<-chan error) {
	close(s.held)
	for _, d := range done {
		if err := <-d; err != nil {
			t.Error(err)
		}
	}
}

func TestAConnectionTakesNoMoreStreamsThanItIsToHave(t *testing.T) {
	for _, row := range []struct {
		o               Options
		limit, requests int
		conns, most     int
	}{
		{Options{}, 250, 10, 1, 10},
		{Options{MaxStreams: 3}, 250, 10, 4, 3},
		{Options{MaxStreams: 1}, 250, 5, 5, 1},
		{Options{MaxStreams: 5}, 2, 10, 5, 2}, // the server's limit holds
		{Options{MinHTTP2: 3}, 250, 1, 1, 1},  // one request needs one connection
		{Options{MinHTTP2: 3}, 250, 2, 2, 2},  // the second takes a free stream
		{Options{MinHTTP2: 3}, 250, 10, 3, 10},
		{Options{MinHTTP2: 2, MaxStreams: 3}, 250, 10, 4, 3},
		{Options{MinHTTP2: 8, MaxConns: 2}, 250, 10, 2, 10},
	} {
		synctest.Test(t, func(t *testing.T) {
			s := spread(t, row.o, row.limit, nil)
			must(t, rt{p: s.p}, s.url)
			done := s.hold(t, row.requests)
			time.Sleep(time.Second)
			loads, most := s.loads(), 0
			for _, n := range loads {
				most = max(most, n)
			}
			t.Logf("MinHTTP2 %d, MaxStreams %d, MaxConns %d, the server's limit %d: %d requests on %v", row.o.MinHTTP2, row.o.MaxStreams, row.o.MaxConns, row.limit, row.requests, loads)
			if n := int(s.there.Load()); len(loads) != row.conns || most > row.most || n != row.requests {
				t.Errorf("%d connections, %d streams at most, %d requests with the server; want %d, %d, %d", len(loads), most, n, row.conns, row.most, row.requests)
			}
			s.release(t, done)
		})
	}
}

// TestMaxStreamsGivesWayWhereNoConnectionCanBeHad: bare net/http would have sent these
// requests, so they must neither fail nor wait for good.
func TestMaxStreamsGivesWayWhereNoConnectionCanBeHad(t *testing.T) {
	for _, row := range []struct {
		name  string
		o     Options
		dial  func(ctx context.Context, n int32) error
		soon  time.Duration
		dials int32 // in 5 s
	}{
		{"the limit is reached", Options{MaxStreams: 3, MaxConns: 1}, nil, 20 * time.Millisecond, 1},
		{"dialing fails", Options{MaxStreams: 3}, func(ctx context.Context, n int32) error {
			if n > 1 {
				return errors.New("refused")
			}
			return nil
		}, 20 * time.Millisecond, 10 + 5},
		{"dialing hangs", Options{MaxStreams: 3}, func(ctx context.Context, n int32) error {
			if n > 1 {
				<-ctx.Done()
			}
			return ctx.Err()
		}, 650 * time.Millisecond, 10 + 1},
	} {
		t.Run(row.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := spread(t, row.o, 250, row.dial)
				must(t, rt{p: s.p}, s.url)
				began := time.Now()
				done := s.hold(t, 10)
				for s.there.Load() < 10 && time.Since(began) < time.Minute {
					time.Sleep(time.Millisecond)
				}
				took := time.Since(began)
				for time.Since(began) < 5*time.Second {
					must(t, rt{p: s.p}, s.url)
				}
				t.Logf("10 requests are with the server behind %v, streams %v; %d dials in 5 s", took, s.loads(), s.dials.Load())
				if took > row.soon || s.dials.Load() > row.dials {
					t.Errorf("behind %v, with %d dials, want at most %v, %d", took, s.dials.Load(), row.soon, row.dials)
				}
				s.release(t, done)
			})
		})
	}
}

// TestNoRequestWaitsForTheConnectionsThatAreStillToCome: it takes a free stream. The other
// connections are all_busy.
func TestNoRequestWaitsForTheConnectionsThatAreStillToCome(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := spread(t, Options{MinHTTP2: 3}, 250, nil)
		must(t, rt{p: s.p}, s.url)
		done := s.hold(t, 2)
		synctest.Wait()
		reasons := map[loss.Reason]int{}
		for range 100 {
			resp, err := openGet(t.Context(), rt{p: s.p}, s.url)
			if err != nil {
				t.Fatal(err)
			}
			g := got(resp)
			if g.Wait > 0 {
				t.Errorf("a request waited for %v", g.Wait)
			}
			if !g.Reused {
				reasons[g.Reason]++
			}
			io.Copy(io.Discard, resp.Body)
			resp.Body.Close()
		}
		if n := len(s.loads()); n != 3 || reasons[loss.AllBusy] != 1 || len(reasons) != 1 {
			t.Errorf("%d connections, new for %v; want 3, of which a request needed the second one, all_busy", n, reasons)
		}
		s.release(t, done)
	})
}

// TestConnectionsThatAreNotNeededIdleOut though requests, one at a time, go on.
func TestConnectionsThatAreNotNeededIdleOut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := spread(t, Options{MinHTTP2: 3, IdleTimeout: 90 * time.Second}, 250, nil)
		must(t, rt{p: s.p}, s.url)
		done := s.hold(t, 6)
		time.Sleep(time.Second)
		if n := len(s.loads()); n != 3 {
			t.Fatalf("%d connections for 6 requests", n)
		}
		s.release(t, done)
		for range 20 {
			time.Sleep(10 * time.Second)
			must(t, rt{p: s.p}, s.url)
		}
		if n := len(s.loads()); n != 1 {
			t.Errorf("%d connections, want 1", n)
		}
		if n := s.dials.Load(); n != 3 {
			t.Errorf("%d dials, want 3", n)
		}
	})
}

// TestNoConnectionIsDialedAheadBehindShutdown: no request needs one, and it would be left
// open.
func TestNoConnectionIsDialedAheadBehindShutdown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := spread(t, Options{MinHTTP2: 3}, 250, nil)
		must(t, rt{p: s.p}, s.url)
		done := s.hold(t, 1)
		synctest.Wait()
		s.p.Shutdown()
		must(t, rt{p: s.p}, s.url)
		if n := s.dials.Load(); n != 1 {
			t.Errorf("%d dials, want 1", n)
		}
		s.release(t, done)
	})
}

// TestMaxStreamsHoldsAgainOnceAConnectionCanBeHad: as long as it gives way one more is tried
// every 500 ms.
func TestMaxStreamsHoldsAgainOnceAConnectionCanBeHad(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var works atomic.Bool
		s := spread(t, Options{MaxStreams: 3}, 250, func(_ context.Context, n int32) error {
			if n > 1 && !works.Load() {
				return errors.New("refused")
			}
			return nil
		})
		must(t, rt{p: s.p}, s.url)
		done := s.hold(t, 6)
		time.Sleep(time.Second)
		works.Store(true)
		must(t, rt{p: s.p}, s.url) // over the limit: one more is dialed
		time.Sleep(time.Second)
		done = append(done, s.hold(t, 3)...)
		time.Sleep(time.Second)
		if n := s.loads(); len(n) != 2 || n[0] != 6 || n[1] != 3 {
			t.Errorf("%v streams, want 6 that were there before, and 3", n)
		}
		s.release(t, done)
	})
}
