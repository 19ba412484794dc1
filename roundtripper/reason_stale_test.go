package roundtripper_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/warmconn/warmconn/drain"
	"github.com/warmconn/warmconn/internal/testserver"
	"github.com/warmconn/warmconn/pool"
	"github.com/warmconn/warmconn/roundtripper"
)

// answersOnce is a server that answers one request on each connection. The next one has no
// answer but the connection's end, after a while.
func answersOnce(ln net.Listener, while time.Duration) {
	for {
		c, err := ln.Accept()
		if err != nil {
			return
		}
		go func() {
			defer c.Close()
			buf := make([]byte, 4096)
			if _, err := c.Read(buf); err != nil {
				return
			}
			io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx")
			if _, err := c.Read(buf); err == nil {
				time.Sleep(while)
			}
		}()
	}
}

// staleReasons makes some requests to a server that answersOnce, and returns why each of
// their connections was new.
func staleReasons(t *testing.T, base *http.Transport, url string, pooled bool) (why []roundtripper.NewReason) {
	observe, ends := collect()
	mw := []roundtripper.Middleware{observe}
	if pooled {
		p := pool.New(pool.Options{})
		defer p.Close()
		mw = append(mw, p.Middleware)
	}
	client := roundtripper.Client(&http.Client{Transport: base}, mw...)
	defer client.CloseIdleConnections()
	for range 3 {
		resp, err := client.Get(url)
		if err != nil {
			t.Fatal(err)
		}
		io.Copy(io.Discard, resp.Body)
		resp.Body.Close()
		why = append(why, (<-ends).NewReason)
	}
	return why
}

// The server closes every connection after its first response, unannounced: the second request
// finds it closed, or net/http sends the request again. If the server has had the request for
// longer than a round trip, the connection was not idle any more. Without pool that is not seen.
func TestStaleConnectionRetriedInsideNetHTTP(t *testing.T) {
	for _, row := range []struct {
		connect, while time.Duration // in milliseconds
		pooled         bool
		want           roundtripper.NewReason
	}{
		{0, 0, false, "server_closed_idle"},
		{0, 0, true, "server_closed_idle"},
		{0, 9, true, "server_closed_idle"}, // a hand-out may wait for net/http's reader, for some 50 µs
		{0, 11, true, "conn_error"},
		{0, 11, false, "server_closed_idle"},
		{5, 19, true, "server_closed_idle"}, // a connect takes a round trip
		{5, 21, true, "conn_error"},
	} {
		t.Run(fmt.Sprintf("connect=%d,while=%d,pool=%v", row.connect, row.while, row.pooled), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := &pipes{make(chan net.Conn), make(chan struct{})}
				defer p.Close()
				go answersOnce(p, row.while*time.Millisecond)
				base := &http.Transport{DialContext: func(ctx context.Context, network, addr string) (net.Conn, error) {
					time.Sleep(row.connect * time.Millisecond)
					return p.dial(ctx, network, addr)
				}}
				got := staleReasons(t, base, "http://host.example", row.pooled)
				if want := []roundtripper.NewReason{"first", row.want, row.want}; !slices.Equal(got, want) {
					t.Errorf("new for %q, want %q", got, want)
				}
			})
		})
	}
}

// TestStaleConnectionOnASocket: how long the server had the request is up to the machine, and
// so is the reason; that there is one, and an answer, is not.
func TestStaleConnectionOnASocket(t *testing.T) {
	for _, pooled := range []bool{false, true} {
		t.Run(fmt.Sprintf("pool=%v", pooled), func(t *testing.T) {
			ln, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			defer ln.Close()
			go answersOnce(ln, 0)
			for i, why := range staleReasons(t, &http.Transport{}, "http://"+ln.Addr().String(), pooled) {
				if why == "" || (why == "first") != (i == 0) {
					t.Errorf("request %d: new for %q", i, why)
				}
			}
		})
	}
}

// TestReasonsInAStackThatDrains: with drain no connection is lost, so there is no reason.
func TestReasonsInAStackThatDrains(t *testing.T) {
	synctest.Test(t, func(t *testing.T) { // on a busy machine net/http does not keep each connection: see scene.read
		srv := testserver.New(http.HandlerFunc(handler), testserver.Options{Memory: true})
		defer srv.Close()
		observe, ends := collect()
		p := pool.New(pool.Options{})
		defer p.Close()
		client := roundtripper.Client(&http.Client{Transport: srv.Transport()}, observe,
			drain.New(drain.Options{Policy: drain.Fixed, MaxTime: time.Minute}).Middleware, p.Middleware)
		defer client.CloseIdleConnections() // and not by the collector, outside of the bubble
		for i := range 10 {
			resp, err := client.Get(srv.URL)
			if err != nil {
				t.Fatal(err)
			}
			resp.Body.Close()
			e := <-ends
			if want := i > 0; e.Reused != want || e.Outcome != "drained" || e.BytesDrained != 1 || !e.Returned {
				t.Errorf("request %d: %+v", i, e)
			}
		}
	})
}

// answersAllBut is a server that has no answer for one path.
func answersAllBut(t *testing.T, path string, o testserver.Options) *testserver.Server {
	srv := testserver.New(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == path {
			<-r.Context().Done()
			return
		}
		io.WriteString(w, "ok")
	}), o)
	t.Cleanup(srv.Close)
	return srv
}

// TestACancelAtTheHandOut: the connection is lost with the canceled request, written or not, and
// that is the reason in its exchange and in the next one.
func TestACancelAtTheHandOut(t *testing.T) {
	srv := answersAllBut(t, "/canceled", testserver.Options{})
	ends := make(chan roundtripper.Exchange, 10)
	client := roundtripper.Client(&http.Client{Transport: srv.Transport()},
		roundtripper.Observe(roundtripper.Observer{End: func(_ context.Context, e roundtripper.Exchange) { ends <- e }}),
		pool.New(pool.Options{}).Middleware)
	defer client.CloseIdleConnections()
	next := roundtripper.NewReason("first")
	for range 100 {
		resp, err := client.Get(srv.URL)
		if err != nil {
			t.Fatal(err)
		}
		io.Copy(io.Discard, resp.Body)
		resp.Body.Close()
		if e := <-ends; e.NewReason != next {
			t.Errorf("new for %q, want %q", e.NewReason, next)
		}
		ctx, cancel := context.WithCancel(t.Context())
		ctx = httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{GotConn: func(httptrace.GotConnInfo) { cancel() }})
		req, _ := http.NewRequestWithContext(ctx, "GET", srv.URL+"/canceled", nil)
		if _, err := client.Do(req); !errors.Is(err, context.Canceled) {
			t.Fatalf("%v, want the cancel", err)
		}
		e := <-ends
		if e.ConnID == 0 || e.Returned || e.LostReason != "canceled" {
			t.Errorf("connection %d, returned %v, lost for %q; want it lost for the cancel", e.ConnID, e.Returned, e.LostReason)
		}
		next = "canceled"
	}
}

// TestATimeoutAtTheHandOut is TestACancelAtTheHandOut for a time-out, in each way in which that
// may show. The clock is a bubble's: the time can't be over before the hand-out.
func TestATimeoutAtTheHandOut(t *testing.T) {
	const limit = 20 * time.Millisecond
	for name, within := range map[string]func(*http.Client, context.Context) (context.Context, context.CancelFunc){
		"timeout": func(_ *http.Client, ctx context.Context) (context.Context, context.CancelFunc) {
			return context.WithTimeout(ctx, limit)
		},
		"timeout with a cause": func(_ *http.Client, ctx context.Context) (context.Context, context.CancelFunc) {
			return context.WithTimeoutCause(ctx, limit, errors.New("too late"))
		},
		"http.Client's": func(c *http.Client, ctx context.Context) (context.Context, context.CancelFunc) {
			c.Timeout = limit
			return ctx, func() {}
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				srv := answersAllBut(t, "/late", testserver.Options{Memory: true})
				var over <-chan struct{} // the request's context is, as the transport has it
				observe, ends := collect()
				p := pool.New(pool.Options{})
				defer p.Close()
				client := roundtripper.Client(&http.Client{Transport: srv.Transport()},
					func(next http.RoundTripper) http.RoundTripper {
						return roundtripper.Func(func(r *http.Request) (*http.Response, error) {
							over = r.Context().Done()
							return next.RoundTrip(r)
						})
					}, observe, p.Middleware)
				defer client.CloseIdleConnections()
				resp, err := client.Get(srv.URL)
				if err != nil {
					t.Fatal(err)
				}
				io.Copy(io.Discard, resp.Body)
				resp.Body.Close()
				<-ends
				ctx, cancel := within(client, httptrace.WithClientTrace(t.Context(), &httptrace.ClientTrace{GotConn: func(httptrace.GotConnInfo) { <-over }}))
				defer cancel()
				req, _ := http.NewRequestWithContext(ctx, "GET", srv.URL+"/late", nil)
				if _, err := client.Do(req); err == nil {
					t.Fatal("no error")
				}
				if e := <-ends; e.ConnID != 1 || e.LostReason != "timeout" {
					t.Errorf("connection %d lost for %q, want 1, for timeout", e.ConnID, e.LostReason)
				}
			})
		})
	}
}
