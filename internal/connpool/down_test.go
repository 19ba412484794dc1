package connpool

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/warmconn/warmconn/internal/testserver"
)

// TestRequestsToAHostThatIsDownFailAtOnce, and not one after the other: over HTTP/2 all of them
// wait for one dial, whose connection would serve all, if it did not fail.
func TestRequestsToAHostThatIsDownFailAtOnce(t *testing.T) {
	const slow, requests = 200 * time.Millisecond, 20
	for _, own := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			s := testserver.New(http.HandlerFunc(hello), testserver.Options{Memory: true, HTTP2: true})
			defer s.Close()
			base := s.Transport()
			var down atomic.Bool
			base.DialContext = func(ctx context.Context, network, addr string) (net.Conn, error) {
				if down.Load() {
					time.Sleep(slow)
					return nil, errors.New("no route to host")
				}
				return s.Dial(ctx, network, addr)
			}
			defer base.CloseIdleConnections()
			var r http.RoundTripper = base
			idle := base.CloseIdleConnections
			if own {
				p := newPool(t, base, Options{})
				defer settles(t, p)
				r, idle = rt{p: p}, p.CloseIdleConnections
			}
			must(t, r, s.URL)
			synctest.Wait()
			idle()
			synctest.Wait()
			down.Store(true)
			began := time.Now()
			var wg sync.WaitGroup
			for range requests {
				wg.Go(func() {
					if _, err := fetch(r, s.URL); err == nil {
						t.Error("a response")
					}
				})
			}
			wg.Wait()
			// The first may fail before the others know that the host is down.
			if d := time.Since(began); d > 3*slow {
				t.Errorf("own %v: %d requests have failed after %v, a dial does after %v", own, requests, d, slow)
			}
		})
	}
}

// TestASuccessorThatCouldNotBeHadIsDialedAgain: the connection is too old, and busy. It
// is used until another one is there.
func TestASuccessorThatCouldNotBeHadIsDialedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := testserver.New(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/watch" {
				w.(http.Flusher).Flush()
				<-r.Context().Done()
			}
			io.WriteString(w, "hello")
		}), testserver.Options{Memory: true, HTTP2: true})
		defer s.Close()
		base := s.Transport()
		var dials atomic.Int64
		base.DialContext = func(ctx context.Context, network, addr string) (net.Conn, error) {
			if dials.Add(1) == 2 {
				return nil, errors.New("no route to host, for a moment")
			}
			return s.Dial(ctx, network, addr)
		}
		const age = time.Minute
		p := newPool(t, base, Options{MaxAge: age})
		defer settles(t, p)
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		watch, err := openGet(ctx, rt{p: p}, s.URL+"/watch")
		if err != nil {
			t.Fatal(err)
		}
		defer watch.Body.Close()
		after(age)
		for range 20 {
			resp, err := openGet(ctx, rt{p: p}, s.URL)
			if err != nil {
				t.Fatal(err)
			}
			io.Copy(io.Discard, resp.Body)
			after(100 * time.Millisecond)
			if g := got(resp); g.Age < age {
				return
			}
		}
		t.Errorf("two seconds later the connection is used still, after %d dials", dials.Load())
	})
}
