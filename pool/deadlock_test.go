package pool_test

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/warmconn/warmconn/internal/stub"
	"github.com/warmconn/warmconn/internal/testserver"
	"github.com/warmconn/warmconn/pool"
)

// A request with the slot waits for another one that waits for the slot, and nothing shows that.
// If neither has a deadline, the second one is refused: else both would wait for good.
func TestWaitsForOneselfEnd(t *testing.T) {
	t.Parallel()
	asks := func(c **http.Client) (err error) {
		elsewhere(func() { err = fetch(*c, "http://host.example/token") })
		return err
	}
	for name, base := range map[string]func(dial func(context.Context, string, string) (net.Conn, error), c **http.Client) http.RoundTripper{
		"a middleware's token": func(_ func(context.Context, string, string) (net.Conn, error), c **http.Client) http.RoundTripper {
			return failing(func(r *http.Request) error {
				if r.URL.Path == "/token" {
					return nil
				}
				return asks(c)
			})
		},
		"a dialer's": func(dial func(context.Context, string, string) (net.Conn, error), c **http.Client) http.RoundTripper {
			return &http.Transport{DialContext: func(ctx context.Context, network, addr string) (net.Conn, error) {
				if err := asks(c); err != nil {
					return nil, err
				}
				return dial(ctx, network, addr)
			}}
		},
		"a Proxy function's": func(dial func(context.Context, string, string) (net.Conn, error), c **http.Client) http.RoundTripper {
			return &http.Transport{DialContext: dial, Proxy: func(*http.Request) (*url.URL, error) { return nil, asks(c) }}
		},
	} {
		for in, o := range map[string]pool.Options{"per host": {MaxPerHost: 1}, "in all": {MaxTotal: 1}} {
			t.Run(name+" "+in, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					srv := testserver.New(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "ok") }), testserver.Options{Memory: true})
					defer srv.Close()
					p := pool.WithoutCollections(pool.New(o))
					defer p.Close()
					var client *http.Client
					client = &http.Client{Transport: p.Middleware(base(func(ctx context.Context, network, _ string) (net.Conn, error) {
						return srv.Dial(ctx, network, srv.Addr)
					}, &client))}
					defer client.CloseIdleConnections() // see inBubble
					began := time.Now()
					err := fetch(client, "http://host.example/")
					var limit *pool.LimitError
					if !errors.Is(err, pool.ErrDeadlock) || !errors.As(err, &limit) || !strings.Contains(err.Error(), "wait for this request") {
						t.Errorf("error %v, want that of a deadlock", err)
					}
					if d := time.Since(began); d < 10*time.Minute || d > 10*time.Minute+time.Second {
						t.Errorf("after %v, want 10 min", d)
					}
					if s := p.Stats(); s.InUse != 0 || s.Waiting != 0 || s.WaitTimeouts != 1 {
						t.Errorf("%d slots in use, %d waiting, %d refused; want none, none, one", s.InUse, s.Waiting, s.WaitTimeouts)
					}
				})
			})
		}
	}
}

// failing is a middleware that may fail, over a base that answers at once.
type failing func(*http.Request) error

func (f failing) RoundTrip(r *http.Request) (*http.Response, error) {
	if err := f(r); err != nil {
		return nil, err
	}
	return stub.Transport{}.RoundTrip(r)
}

// A request that waits behind requests on the wire waits for as long as these take.
func TestWaitsForSlowServersDoNotEnd(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		srv := testserver.New(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			time.Sleep(11 * time.Minute)
			io.WriteString(w, "ok")
		}), testserver.Options{Memory: true})
		defer srv.Close()
		p := pool.WithoutCollections(pool.New(pool.Options{MaxPerHost: 1, MaxTotal: 1}))
		defer p.Close()
		client := &http.Client{Transport: p.Middleware(srv.Transport())}
		defer client.CloseIdleConnections() // see inBubble
		done := make(chan error)
		for range 2 {
			go func() { done <- fetch(client, srv.URL) }()
		}
		for range 2 {
			if err := <-done; err != nil {
				t.Error(err)
			}
		}
	})
}

// A request with a deadline is left to that.
func TestADeadlineIsNoDeadlock(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := pool.WithoutCollections(pool.New(pool.Options{MaxPerHost: 1}))
		defer p.Close()
		client := &http.Client{Transport: p.Middleware(sdk{stub.Transport{}, func(*http.Request) { time.Sleep(11 * time.Minute) }})}
		done := make(chan error)
		go func() { done <- fetch(client, "http://host.example/") }()
		synctest.Wait()
		ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
		defer cancel()
		req, _ := http.NewRequestWithContext(ctx, "GET", "http://host.example/", nil)
		resp, err := client.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}

// A dial for a request without a slot does not count as a dial of one with a slot.
func TestADialOfAnotherRequestIsNoDeadlock(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		srv := testserver.New(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			io.WriteString(w, "ok")
			if r.URL.Path == "/long" {
				w.(http.Flusher).Flush()
				time.Sleep(20 * time.Minute)
			}
		}), testserver.Options{Memory: true})
		defer srv.Close()
		p := pool.WithoutCollections(pool.New(pool.Options{MaxPerHost: 1}))
		defer p.Close()
		base := srv.Transport()
		dial := base.DialContext
		base.DialContext = func(ctx context.Context, network, addr string) (net.Conn, error) {
			time.Sleep(time.Minute)
			return dial(ctx, network, addr)
		}
		client := &http.Client{Transport: p.Middleware(base)}
		defer client.CloseIdleConnections() // see inBubble
		done := make(chan error)
		for _, path := range []string{"/long", "/waits"} {
			go func() { done <- fetch(client, srv.URL+path) }()
			synctest.Wait()
		}
		time.Sleep(11 * time.Minute)
		req, _ := http.NewRequestWithContext(pool.Exempt(t.Context()), "GET", srv.URL, nil)
		resp, err := client.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		for range 2 {
			if err := <-done; err != nil {
				t.Error(err)
			}
		}
	})
}

// A slot that is lent, because its request's context has ended in a middleware, is used
// by another one, which may be on the wire for long.
func TestALentSlotIsNoDeadlock(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := pool.WithoutCollections(pool.New(pool.Options{MaxPerHost: 1}))
		defer p.Close()
		goOn := make(chan struct{})
		client := &http.Client{Transport: p.Middleware(failing(func(r *http.Request) error {
			if r.URL.Path == "/stuck" {
				<-goOn
			}
			return nil
		}))}
		ctx, cancel := context.WithCancel(t.Context())
		stuck := make(chan error)
		go func() {
			req, _ := http.NewRequestWithContext(ctx, "GET", "http://host.example/stuck", nil)
			_, err := client.Do(req)
			stuck <- err
		}()
		synctest.Wait()
		cancel()
		held, err := client.Get("http://host.example/held")
		if err != nil {
			t.Fatal(err)
		}
		done := make(chan error)
		go func() { done <- fetch(client, "http://host.example/waits") }()
		time.Sleep(20 * time.Minute)
		held.Body.Close()
		if err := <-done; err != nil {
			t.Error(err)
		}
		close(goOn)
		<-stuck
	})
}
