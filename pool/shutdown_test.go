package pool_test

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

	"github.com/warmconn/warmconn/internal/eventually"
	"github.com/warmconn/warmconn/internal/fullsize"
	"github.com/warmconn/warmconn/internal/testserver"
	"github.com/warmconn/warmconn/pool"
	"github.com/warmconn/warmconn/roundtripper"
)

// A slow response arrives whole; then its connection is closed, and Shutdown returns. Requests
// that wait, and later ones, are refused meanwhile.
func TestShutdownWaitsForWhatIsInFlight(t *testing.T) {
	for _, proto := range overProtocols {
		t.Run(proto.name, func(t *testing.T) {
			goOn := make(chan struct{})
			srv := testserver.New(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				io.WriteString(w, "begin ")
				w.(http.Flusher).Flush()
				if r.URL.Path == "/slow" {
					<-goOn
				}
				io.WriteString(w, "end")
			}), proto.opts)
			defer srv.Close()
			p := pool.New(pool.Options{MaxPerHost: 2})
			client := roundtripper.Client(&http.Client{Transport: srv.Transport()}, p.Middleware)
			var slow []*http.Response
			for range 2 {
				resp, err := client.Get(srv.URL + "/slow")
				if err != nil {
					t.Fatal(err)
				}
				slow = append(slow, resp)
			}
			waiter := make(chan error)
			go func() { waiter <- get(client, srv.URL) }()
			eventually.True(t, "a request to wait", func() bool { return p.Stats().Waiting == 1 })
			done := make(chan error, 2)
			for range 2 {
				go func() { done <- p.Shutdown(t.Context()) }()
			}
			if err := <-waiter; !errors.Is(err, pool.ErrClosed) {
				t.Errorf("the one that waited got %v, want ErrClosed", err)
			}
			for _, ctx := range []context.Context{t.Context(), pool.Exempt(t.Context())} {
				req, _ := http.NewRequestWithContext(ctx, "GET", srv.URL, nil)
				if _, err := client.Do(req); !errors.Is(err, pool.ErrClosed) {
					t.Errorf("a new one got %v, want ErrClosed", err)
				}
			}
			if err := p.Close(); err != nil {
				t.Error(err)
			}
			select {
			case err := <-done:
				t.Errorf("Shutdown returned %v with two requests in flight", err)
			default:
			}
			close(goOn)
			for i, resp := range slow {
				if body, err := io.ReadAll(resp.Body); string(body) != "begin end" || err != nil {
					t.Errorf("one in flight read %q, %v", body, err)
				}
				if i == 0 {
					select {
					case err := <-done:
						t.Errorf("Shutdown returned %v with a request in flight", err)
					default:
					}
				}
				resp.Body.Close()
			}
			for range 2 {
				if err := <-done; err != nil {
					t.Errorf("Shutdown returned %v", err)
				}
			}
			if s := p.Stats(); s.Open != 0 || s.InUse != 0 {
				t.Errorf("after Shutdown: %d connections open, %d requests in flight", s.Open, s.InUse)
			}
			if n, ok := srv.Established(); ok && n != 0 {
				t.Errorf("the kernel has %d connections after Shutdown", n)
			}
			eventually.True(t, "the server to have none", func() bool { return srv.Open() == 0 })
			if err := p.Shutdown(t.Context()); err != nil {
				t.Errorf("once more: %v", err)
			}
		})
	}
}

// With a body that is never closed, Shutdown ends with its context, and the rest is as after
// Close.
func TestShutdownEndsWithItsContext(t *testing.T) {
	for _, proto := range overProtocols {
		t.Run(proto.name, func(t *testing.T) {
			inBubble(t, func(w http.ResponseWriter, r *http.Request) {
				w.(http.Flusher).Flush()
				<-r.Context().Done()
			}, proto.opts, pool.Options{}, func(srv *testserver.Server, p *pool.Pool, client *http.Client) {
				resp, err := client.Get(srv.URL)
				if err != nil {
					t.Fatal(err)
				}
				ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
				defer cancel()
				began := time.Now()
				if err := p.Shutdown(ctx); err != context.DeadlineExceeded || time.Since(began) != 10*time.Second {
					t.Errorf("%v after %v, want the deadline after 10 s", err, time.Since(began))
				}
				if s := p.Stats(); s.Open != 1 || s.InUse != 1 {
					t.Errorf("%d open, %d in flight; want the one", s.Open, s.InUse)
				}
				done := make(chan error)
				go func() { done <- p.Shutdown(context.Background()) }()
				synctest.Wait()
				resp.Body.Close()
				if err := <-done; err != nil {
					t.Error(err)
				}
				if n := p.Stats().Open; n != 0 {
					t.Errorf("%d open", n)
				}
			})
		})
	}
}

// With nothing in flight Shutdown returns nil, even if its context has ended.
func TestShutdownOfAnIdlePoolNeedsNoTime(t *testing.T) {
	for _, n := range []int{0, 5} {
		inBubble(t, hello, testserver.Options{}, pool.Options{}, func(srv *testserver.Server, p *pool.Pool, client *http.Client) {
			if n > 0 {
				together(t, client, srv.URL, n)
			}
			began := time.Now()
			if err := p.Shutdown(context.Background()); err != nil || time.Since(began) != 0 {
				t.Errorf("%v after %v", err, time.Since(began))
			}
			ctx, cancel := context.WithCancel(context.Background())
			cancel()
			if err := p.Shutdown(ctx); err != nil {
				t.Errorf("once more, with a context that has ended: %v", err)
			}
			synctest.Wait()
			if srv.Open() != 0 {
				t.Errorf("%d open", srv.Open())
			}
		})
	}
}

// Dials are broken off when their requests have ended: before Shutdown, behind it, and
// when another connection has served the request. A dial whose request waits goes on.
func TestShutdownBreaksDialsOffThatNobodyWaitsFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv := testserver.New(http.HandlerFunc(hello), testserver.Options{Memory: true})
		defer srv.Close()
		base := srv.Transport()
		var dials, broken atomic.Int32
		base.DialContext = func(ctx context.Context, network, addr string) (net.Conn, error) {
			wait := time.Hour
			if dials.Add(1) == 4 {
				wait = 20 * time.Second
			}
			select {
			case <-ctx.Done():
				broken.Add(1)
				return nil, ctx.Err()
			case <-time.After(wait):
				return srv.Dial(ctx, network, addr)
			}
		}
		p := pool.New(pool.Options{})
		client := roundtripper.Client(&http.Client{Transport: base}, p.Middleware)
		defer client.CloseIdleConnections() // see inBubble
		errs := make([]error, 4)
		var wg sync.WaitGroup
		for i, d := range []time.Duration{time.Second, 5 * time.Second, 10 * time.Second, time.Minute} {
			wg.Go(func() {
				ctx, cancel := context.WithTimeout(t.Context(), d)
				defer cancel()
				req, _ := http.NewRequestWithContext(ctx, "GET", srv.URL, nil)
				resp, err := client.Do(req)
				if errs[i] = err; err == nil {
					io.Copy(io.Discard, resp.Body)
					resp.Body.Close()
				}
			})
			synctest.Wait()
		}
		time.Sleep(2 * time.Second) // the first request has given up
		synctest.Wait()
		if broken.Load() != 0 {
			t.Errorf("%d dials broken off before", broken.Load())
		}
		began := time.Now()
		done := make(chan error)
		go func() { done <- p.Shutdown(t.Context()) }()
		for i, gaveUp := range []time.Duration{0, 3 * time.Second, 8 * time.Second} { // behind Shutdown
			time.Sleep(gaveUp - time.Since(began))
			synctest.Wait()
			if n := int(broken.Load()); n != i+1 {
				t.Errorf("%d dials broken off when %d requests have given up", n, i+1)
			}
		}
		err := <-done
		if took := time.Since(began); err != nil || took != 18*time.Second {
			t.Errorf("Shutdown returned %v after %v, want nil after 18 s: with the request that was served", err, took)
		}
		wg.Wait()
		if errs[0] == nil || errs[1] == nil || errs[2] == nil || errs[3] != nil || broken.Load() != 3 {
			t.Errorf("errors %v, %d dials broken off; want all but the last, 3", errs, broken.Load())
		}
	})
}

// Many goroutines send requests while the Pool is shut down: each request succeeds wholly or is
// refused, and when Shutdown returns there is no connection.
func TestShutdownUnderLoad(t *testing.T) {
	t.Parallel()
	senders := fullsize.Of(1000, 24)
	for _, proto := range overProtocols {
		for _, o := range []pool.Options{{}, {MaxPerHost: 16}} {
			t.Run(proto.name, func(t *testing.T) {
				const body = "hello, all of you"
				srv := testserver.New(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					io.WriteString(w, body[:5])
					w.(http.Flusher).Flush()
					io.WriteString(w, body[5:])
				}), proto.opts)
				defer srv.Close()
				p := pool.New(o)
				client := roundtripper.Client(&http.Client{Transport: srv.Transport()}, p.Middleware)
				var served, refused atomic.Int32
				var wg sync.WaitGroup
				for range senders {
					wg.Go(func() {
						for {
							resp, err := client.Post(srv.URL, "", http.NoBody) // net/http tries none again
							if errors.Is(err, pool.ErrClosed) {
								refused.Add(1)
								return
							}
							if err != nil {
								t.Errorf("a request failed: %v", err)
								return
							}
							got, err := io.ReadAll(resp.Body)
							resp.Body.Close()
							if string(got) != body || err != nil {
								t.Errorf("a body was %q, %v", got, err)
								return
							}
							served.Add(1)
						}
					})
				}
				eventually.True(t, "some to be served", func() bool { return served.Load() > int32(senders) })
				began := time.Now()
				err := p.Shutdown(t.Context())
				took := time.Since(began)
				open, inUse := p.Stats().Open, p.Stats().InUse
				sockets, ok := srv.Established()
				if err != nil || open != 0 || inUse != 0 || ok && sockets != 0 {
					t.Errorf("Shutdown returned %v, with %d connections, %d in the kernel, %d in flight", err, open, sockets, inUse)
				}
				wg.Wait()
				eventually.True(t, "the server to have no connection", func() bool { return srv.Open() == 0 })
				t.Logf("%d senders: %d served, %d refused; Shutdown took %v", senders, served.Load(), refused.Load(), took.Round(time.Microsecond))
			})
		}
	}
}

// Over a base that the Pool does not own, Shutdown waits for the requests in flight, exempt ones
// as well.
func TestShutdownOverAnotherBaseWaitsForItsRequests(t *testing.T) {
	for name, ctx := range map[string]context.Context{"with a slot": context.Background(), "exempt": pool.Exempt(context.Background())} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				base := roundtripper.Func(func(req *http.Request) (*http.Response, error) {
					time.Sleep(time.Second)
					body := io.NopCloser(io.MultiReader())
					return &http.Response{StatusCode: 200, Body: body, ContentLength: -1, Request: req}, nil
				})
				p := pool.New(pool.Options{})
				client := &http.Client{Transport: p.Middleware(base)}
				got := make(chan *http.Response)
				go func() {
					req, _ := http.NewRequestWithContext(ctx, "GET", "http://example.com", nil)
					resp, err := client.Do(req)
					if err != nil {
						t.Error(err)
					}
					got <- resp
				}()
				synctest.Wait()
				began := time.Now()
				done := make(chan error)
				go func() { done <- p.Shutdown(t.Context()) }()
				resp := <-got
				time.Sleep(time.Second)
				select {
				case <-done:
					t.Error("Shutdown did not wait for the body")
				default:
				}
				resp.Body.Close()
				if err := <-done; err != nil || time.Since(began) != 2*time.Second {
					t.Errorf("%v after %v, want nil after 2 s", err, time.Since(began))
				}
			})
		})
	}
}

// Warm makes no connection after Shutdown has returned.
func TestNoWarmedConnectionOutlivesShutdown(t *testing.T) {
	srv := testserver.New(http.HandlerFunc(hello), testserver.Options{TLS: true})
	defer srv.Close()
	for range fullsize.Of(300, 20) {
		p := pool.New(pool.Options{})
		rt := p.Middleware(srv.Transport())
		var wg sync.WaitGroup
		for range 4 {
			wg.Go(func() {
				if n, err := p.Warm(context.Background(), rt, srv.URL, 4); err != nil && err != pool.ErrClosed {
					t.Errorf("Warm: %d, %v", n, err)
				}
			})
		}
		if err := p.Shutdown(t.Context()); err != nil {
			t.Error(err)
		}
		wg.Wait()
		if n := p.Stats().Open; n != 0 {
			t.Fatalf("%d connections are open after Shutdown", n)
		}
	}
}
