package pool_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/warmconn/warmconn/internal/stub"
	"github.com/warmconn/warmconn/internal/testserver"
	"github.com/warmconn/warmconn/pool"
	"github.com/warmconn/warmconn/roundtripper"
)

// sdk is a foreign middleware that makes a request of its own before each that it passes on. It
// can't be looked through.
type sdk struct {
	next http.RoundTripper
	own  func(*http.Request)
}

func (s sdk) RoundTrip(r *http.Request) (*http.Response, error) {
	s.own(r)
	return s.next.RoundTrip(r)
}

// honest is an sdk that can be looked through.
type honest struct{ sdk }

func (h honest) Unwrap() http.RoundTripper { return h.next }

// rendezvous lets n callers go on when all of them are there. Later callers pass.
func rendezvous(n int) (meet func()) {
	var in atomic.Int32
	all := make(chan struct{})
	return func() {
		if int(in.Add(1)) == n {
			close(all)
		}
		<-all
	}
}

// fetch gets url and reads it, without the context of any request.
func fetch(c *http.Client, url string) error {
	resp, err := c.Get(url)
	if err == nil {
		io.Copy(io.Discard, resp.Body)
		resp.Body.Close()
	}
	return err
}

// answers starts a server that answers at once.
func answers(t *testing.T) *testserver.Server {
	srv := testserver.New(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "ok") }), testserver.Options{})
	t.Cleanup(srv.Close)
	return srv
}

// here and elsewhere call f, on this goroutine or on another one, as a cache of credentials does.
func here(f func()) { f() }

func elsewhere(f func()) {
	done := make(chan struct{})
	go func() { defer close(done); f() }()
	<-done
}

// deep calls f far up the stack.
func deep(f func()) {
	var up func(n int)
	up = func(n int) {
		if n == 0 {
			f()
			return
		}
		up(n - 1)
	}
	up(200)
}

// An SDK fetches a token in the middle of a request. If the token waited for the slot of that
// request, which waits for the token, both would wait for good.
func TestTokensDoNotWaitForTheirOwnRequests(t *testing.T) {
	const limit = 2
	for _, c := range []struct {
		name          string
		honest, known bool
		on            func(func())
	}{
		{name: "opaque", on: here},
		{name: "opaque, deep in the stack", on: deep},
		{name: "opaque, on a goroutine apart, but not the first", known: true, on: elsewhere},
		{name: "honest", honest: true, on: here},
		{name: "honest, on a goroutine apart", honest: true, on: elsewhere},
	} {
		for _, o := range []pool.Options{{MaxPerHost: limit}, {MaxTotal: limit}} {
			t.Run(fmt.Sprintf("%s, %d per host, %d in all", c.name, o.MaxPerHost, o.MaxTotal), func(t *testing.T) {
				srv := answers(t)
				p := pool.New(o)
				defer p.Close()
				plain := &http.Client{Transport: p.Middleware(&http.Transport{})}
				var mu sync.Mutex
				meet := rendezvous(limit)
				rt := http.RoundTripper(sdk{plain.Transport, func(r *http.Request) {
					if r.URL.Path == "/first" {
						return
					}
					meet()
					mu.Lock()
					defer mu.Unlock()
					c.on(func() {
						if err := fetch(plain, srv.URL+"/token"); err != nil {
							t.Error("token:", err)
						}
					})
				}})
				if c.honest {
					rt = honest{rt.(sdk)}
				}
				client := roundtripper.Client(&http.Client{Transport: rt}, p.Middleware)
				if c.known {
					if err := fetch(client, srv.URL+"/first"); err != nil {
						t.Fatal(err)
					}
				}
				done := make(chan error)
				for range limit {
					go func() {
						ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
						defer cancel()
						req, _ := http.NewRequestWithContext(ctx, "GET", srv.URL, nil)
						resp, err := client.Do(req)
						if err == nil {
							resp.Body.Close()
						}
						done <- err
					}()
				}
				for range limit {
					if err := within(t, done); err != nil {
						t.Error(err)
					}
				}
				if s := p.Stats(); s.InUse != 0 || s.Waiting != 0 {
					t.Errorf("%d slots in use and %d waiting, want none", s.InUse, s.Waiting)
				}
			})
		}
	}
}

// within waits for a result, and fails the test if none comes.
func within(t *testing.T, done <-chan error) error {
	t.Helper()
	select {
	case err := <-done:
		return err
	case <-time.After(10 * time.Second):
		t.Fatal("hangs")
		return nil
	}
}

// If nothing shows that a token is fetched in the middle of a request, the end of that request's
// context ends the wait.
func TestNestedWaitEndsWithTheRequestsDeadline(t *testing.T) {
	t.Parallel()
	srv := answers(t)
	p := pool.New(pool.Options{MaxPerHost: 1})
	defer p.Close()
	plain := &http.Client{Transport: p.Middleware(&http.Transport{})}
	client := &http.Client{Transport: p.Middleware(sdk{plain.Transport, func(*http.Request) {
		elsewhere(func() {
			if err := fetch(plain, srv.URL+"/token"); err != nil {
				t.Error("token:", err)
			}
		})
	}})}
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	done := make(chan error)
	go func() {
		req, _ := http.NewRequestWithContext(ctx, "GET", srv.URL, nil)
		_, err := client.Do(req)
		done <- err
	}()
	if err := within(t, done); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("error %v, want that of the deadline", err)
	}
}

// A stack with the Pool above and below a middleware takes the slot below, where the request goes
// out: while the middleware waits for something, it holds no slot.
func TestOneRequestTakesOneSlot(t *testing.T) {
	for _, tells := range []bool{false, true} {
		t.Run(fmt.Sprintf("tells=%v", tells), func(t *testing.T) {
			srv := answers(t)
			p := pool.New(pool.Options{MaxPerHost: 1})
			defer p.Close()
			inUse := make(chan int, 10)
			rt := http.RoundTripper(sdk{p.Middleware(&http.Transport{}), func(*http.Request) { inUse <- p.Stats().InUse }})
			if tells {
				rt = honest{rt.(sdk)}
			}
			client := &http.Client{Transport: p.Middleware(rt)}
			if !tells { // it must have been seen
				if err := fetch(client, srv.URL); err != nil {
					t.Fatal(err)
				}
				<-inUse
			}
			resp, err := client.Get(srv.URL)
			if err != nil {
				t.Fatal(err)
			}
			if n := <-inUse; n != 0 {
				t.Errorf("%d slots in use in the middleware, want none", n)
			}
			if n := p.Stats().InUse; n != 1 {
				t.Errorf("%d slots in use for an open body, want one", n)
			}
			resp.Body.Close()
			if n := p.Stats().InUse; n != 0 {
				t.Errorf("%d slots in use in the end, want none", n)
			}
		})
	}
}

// Only a request in the middle of another one goes past the limit, and not one beside it.
func TestOthersWaitWhileAMiddlewareHasTheSlot(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := pool.WithoutCollections(pool.New(pool.Options{MaxPerHost: 1}))
		defer p.Close()
		goOn := make(chan struct{})
		client := &http.Client{Transport: p.Middleware(sdk{stub.Transport{}, func(*http.Request) { <-goOn }})}
		done := make(chan error, 2)
		for range 2 {
			go func() { done <- fetch(client, "http://host.example/") }()
		}
		time.Sleep(time.Minute)
		if s := p.Stats(); s.InUse != 1 || s.Waiting != 1 {
			t.Errorf("%d slots in use and %d waiting, want one and one", s.InUse, s.Waiting)
		}
		close(goOn)
		for range 2 {
			if err := <-done; err != nil {
				t.Error(err)
			}
		}
	})
}

// A dialer may first use the same client, for a name or a token. Its request must not wait for
// the slot of the request for which it dials.
func TestDialersOwnRequestsDoNotWaitForTheirSlot(t *testing.T) {
	const limit = 2
	for _, owned := range []bool{true, false} {
		t.Run(fmt.Sprintf("owned=%v", owned), func(t *testing.T) {
			srv := answers(t)
			p := pool.New(pool.Options{MaxTotal: limit})
			defer p.Close()
			var client *http.Client
			meet := rendezvous(limit)
			base := &http.Transport{DialContext: func(ctx context.Context, network, addr string) (net.Conn, error) {
				if !strings.HasPrefix(addr, "new") {
					return srv.Dial(ctx, network, addr)
				}
				meet() // all slots are taken
				req, _ := http.NewRequestWithContext(ctx, "GET", srv.URL+"/dns-query", nil)
				resp, err := client.Do(req)
				if err != nil {
					return nil, err
				}
				resp.Body.Close()
				return srv.Dial(ctx, network, srv.Addr)
			}}
			defer base.CloseIdleConnections()
			rt := http.RoundTripper(base)
			if !owned {
				rt = sdk{base, func(*http.Request) {}}
			}
			client = &http.Client{Transport: p.Middleware(rt)}
			done := make(chan error)
			for i := range limit {
				go func() { done <- fetch(client, fmt.Sprintf("http://new%d.example/", i)) }()
			}
			for range limit {
				if err := within(t, done); err != nil {
					t.Error(err)
				}
			}
		})
	}
}
