package pool_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/warmconn/warmconn/internal/testserver"
	"github.com/warmconn/warmconn/pool"
)

// Over HTTP/2 a body that has arrived holds up no request, whether it is read later or never
// closed.
func TestArrivedBodiesOverHTTP2HoldNobodyUp(t *testing.T) {
	const limit, requests = 8, 160
	for _, o := range []pool.Options{{MaxPerHost: limit}, {MaxTotal: limit}} {
		t.Run(fmt.Sprintf("%d per host, %d in all", o.MaxPerHost, o.MaxTotal), func(t *testing.T) {
			var most, now atomic.Int32
			srv := testserver.New(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				for n := now.Add(1); ; {
					if m := most.Load(); n <= m || most.CompareAndSwap(m, n) {
						break
					}
				}
				defer now.Add(-1)
				runtime.Gosched()
				io.WriteString(w, "a body of 20 bytes..")
			}), testserver.Options{HTTP2: true})
			defer srv.Close()
			p := pool.New(o)
			defer p.Close()
			client := &http.Client{Transport: p.Middleware(srv.Transport())}
			ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
			defer cancel()
			if err := fetch(client, srv.URL); err != nil { // what one connection can carry is known then
				t.Fatal(err)
			}
			bodies := make([]io.ReadCloser, requests)
			var wg sync.WaitGroup
			for w := range 2 * limit {
				wg.Go(func() {
					for i := w; i < requests; i += 2 * limit {
						req, _ := http.NewRequestWithContext(ctx, "GET", srv.URL, nil)
						resp, err := client.Do(req)
						if err != nil {
							t.Error(err)
							return
						}
						bodies[i] = resp.Body
					}
				})
			}
			wg.Wait()
			if n := most.Load(); n > limit {
				t.Errorf("the server had %d requests at once, want at most %d", n, limit)
			}
			if t.Failed() {
				return
			}
			if n := srv.Opened(); n != 1 {
				t.Errorf("%d connections, want one", n)
			}
			for _, b := range bodies {
				if got, err := io.ReadAll(b); err != nil || len(got) != 20 {
					t.Fatalf("a body that was read late: %q, %v", got, err)
				}
				b.Close()
			}
			if s := p.Stats(); s.InUse != 0 || s.Waiting != 0 {
				t.Errorf("%d slots in use and %d waiting in the end, want none", s.InUse, s.Waiting)
			}
			// The limit still holds.
			most.Store(0)
			for range 4 * limit {
				wg.Go(func() {
					if err := fetch(client, srv.URL); err != nil {
						t.Error(err)
					}
				})
			}
			wg.Wait()
			if n := most.Load(); n > limit {
				t.Errorf("afterwards the server had %d requests at once, want at most %d", n, limit)
			}
		})
	}
}

// A body that has not wholly arrived keeps its slot, over HTTP/2, too. Over HTTP/1 every open
// body does, for it has the connection.
func TestBodiesThatHoldSomethingKeepTheirSlot(t *testing.T) {
	for _, http2 := range []bool{false, true} {
		t.Run(fmt.Sprintf("http2=%v", http2), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				goOn := make(chan struct{})
				srv := testserver.New(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					io.WriteString(w, "half")
					w.(http.Flusher).Flush()
					if http2 {
						<-goOn
					}
				}), testserver.Options{HTTP2: http2, Memory: true})
				defer srv.Close()
				defer close(goOn)
				p := pool.New(pool.Options{MaxPerHost: 1})
				defer p.Close()
				client := &http.Client{Transport: p.Middleware(srv.Transport())}
				defer client.CloseIdleConnections() // see inBubble
				first, err := client.Get(srv.URL)
				if err != nil {
					t.Fatal(err)
				}
				ctx, cancel := context.WithTimeout(t.Context(), time.Second)
				defer cancel()
				req, _ := http.NewRequestWithContext(ctx, "GET", srv.URL, nil)
				if _, err := client.Do(req); err == nil {
					t.Error("a second request got a slot, want it to wait")
				}
				first.Body.Close()
			})
		})
	}
}
