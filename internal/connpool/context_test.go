package connpool

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"runtime"
	"sync"
	"testing"

	"github.com/warmconn/warmconn/internal/eventually"
	"github.com/warmconn/warmconn/internal/fullsize"
)

// countingContext is a parent that lives long, and counts the children that wait for its end.
type countingContext struct {
	context.Context
	mu       sync.Mutex
	children map[*func()]bool
	most     int
}

func newCountingContext() *countingContext {
	ctx, cancel := context.WithCancel(context.Background())
	_ = cancel
	return &countingContext{Context: ctx, children: map[*func()]bool{}}
}

// Value hides the context below: else package context would not call AfterFunc.
func (c *countingContext) Value(any) any { return nil }

func (c *countingContext) AfterFunc(f func()) (stop func() bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.children[&f] = true
	c.most = max(c.most, len(c.children))
	return func() bool {
		c.mu.Lock()
		defer c.mu.Unlock()
		was := c.children[&f]
		delete(c.children, &f)
		return was
	}
}

func (c *countingContext) left() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.children)
}

// failures are requests that fail, each in its own way.
func failures(t *testing.T) map[string]func(ctx context.Context) error {
	hangUp := "http://" + script(t, func(_ int, _ net.Conn, r *bufio.Reader) { read(r) })
	short := "http://" + script(t, func(_ int, c net.Conn, r *bufio.Reader) {
		read(r)
		io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nabc")
	})
	resetURL, resets := scriptH2(t, func(_ int, c *h2) {
		for s := c.request(); s != 0; s = c.request() {
			c.reset(s, 2)
		}
	})
	p, overH2 := newPool(t, &http.Transport{}, Options{}), newPool(t, resets, Options{})
	refused := newPool(t, &http.Transport{DialContext: func(context.Context, string, string) (net.Conn, error) { return nil, io.ErrClosedPipe }}, Options{})
	get := func(p *Pool, url string) func(ctx context.Context) error {
		return func(ctx context.Context) error { return <-send(ctx, rt{p: p}, url) }
	}
	return map[string]func(ctx context.Context) error{
		"hung up": get(p, hangUp), "broken off": get(p, short), "reset stream": get(overH2, resetURL), "refused dial": get(refused, hangUp),
	}
}

func TestFailuresLeaveNothingOnALongLivedContext(t *testing.T) {
	for name, fail := range failures(t) {
		t.Run(name, func(t *testing.T) {
			ctx := newCountingContext()
			for range fullsize.Of(250, 60) {
				if err := fail(ctx); err == nil {
					t.Fatal("no error")
				}
				eventually.True(t, "its goroutines to end", func() bool { return ctx.left() == 0 })
			}
			if ctx.most > 3 {
				t.Errorf("%d children at once, of one request at a time", ctx.most)
			}
		})
	}
}

func TestRequestCancelLeavesNoGoroutine(t *testing.T) {
	for name, fail := range failures(t) {
		t.Run(name, func(t *testing.T) {
			_ = fail(context.Background())
			before := runtime.NumGoroutine()
			for range fullsize.Of(100, 30) {
				if err := fail(withCancel{context.Background(), make(chan struct{})}); err == nil {
					t.Fatal("no error")
				}
			}
			eventually.True(t, "the goroutines to end", func() bool { return runtime.NumGoroutine() <= before+5 })
		})
	}
}

// withCancel has openGet set Request.Cancel.
type withCancel struct {
	context.Context
	cancel chan struct{}
}

// TestTheCallerSeesTheCauseOfItsContextsEnd compares with bare net/http, for an end at each
// stage of a request.
func TestTheCallerSeesTheCauseOfItsContextsEnd(t *testing.T) {
	cause := errors.New("the caller's own cause")
	for _, protocol := range protocols {
		for _, where := range []string{"before", "dialing", "waiting", "connected", "header", "body"} {
			t.Run(protocol+"/"+where, func(t *testing.T) {
				t.Parallel()
				came := make(chan bool, 2)
				s, base := serve(t, protocol, func(w http.ResponseWriter, r *http.Request) {
					if where == "body" {
						w.(http.Flusher).Flush()
					}
					came <- true
					<-r.Context().Done()
					panic(http.ErrAbortHandler) // or over TLS an end may still come through
				})
				var errs [2]error
				for i := range errs {
					ctx, cancel := context.WithCancelCause(context.Background())
					end := func() { cancel(cause) }
					use := base.Clone()
					if where == "dialing" || where == "waiting" {
						use.DialContext = func(ctx context.Context, _, _ string) (net.Conn, error) {
							end()
							<-ctx.Done()
							return nil, ctx.Err()
						}
					}
					if where == "connected" {
						ctx = httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{GotConn: func(httptrace.GotConnInfo) { end() }})
					}
					var r http.RoundTripper = use
					if i == 1 {
						r = rt{p: newPool(t, use, Options{})}
					}
					switch where {
					case "before":
						end()
					case "header", "body":
						go func() { <-came; end() }()
					}
					resp, err := openGet(ctx, r, s.URL)
					if err == nil {
						_, err = io.ReadAll(resp.Body)
						resp.Body.Close()
					}
					errs[i] = err
					end()
				}
				if errs[0] == nil || errs[1] == nil || errs[0].Error() != errs[1].Error() || errors.Is(errs[0], cause) != errors.Is(errs[1], cause) {
					t.Errorf("bare %v, own %v", errs[0], errs[1])
				}
			})
		}
	}
}

func TestTheCauseIsSeenHoweverSoonTheContextEnds(t *testing.T) {
	s, base := serve(t, "http", hello)
	p := newPool(t, base, Options{})
	cause := errors.New("the caller's own cause")
	for range fullsize.Of(2000, 500) {
		ctx, cancel := context.WithCancelCause(context.Background())
		done := make(chan bool)
		ctx = httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{GotConn: func(httptrace.GotConnInfo) {
			go func() { cancel(cause); close(done) }()
		}})
		resp, err := openGet(ctx, rt{p: p}, s.URL)
		if err == nil {
			_, err = io.Copy(io.Discard, resp.Body)
			resp.Body.Close()
		}
		if err != nil && !errors.Is(err, cause) {
			t.Fatalf("%v, want the cause", err)
		}
		<-done
	}
}

func TestRequestCancelEndsARequest(t *testing.T) {
	for _, protocol := range protocols {
		for _, where := range []string{"header", "body"} {
			t.Run(protocol+"/"+where, func(t *testing.T) {
				came := make(chan bool, 2)
				s, base := serve(t, protocol, func(w http.ResponseWriter, r *http.Request) {
					if where == "body" {
						w.(http.Flusher).Flush()
					}
					came <- true
					<-r.Context().Done()
					panic(http.ErrAbortHandler) // or over TLS an end may still come through
				})
				var texts []string
				for _, r := range []http.RoundTripper{base, rt{p: newPool(t, base, Options{})}} {
					cancel := make(chan struct{})
					go func() { <-came; close(cancel) }()
					texts = append(texts, fmt.Sprint(<-send(withCancel{context.Background(), cancel}, r, s.URL)))
				}
				if texts[0] != texts[1] || texts[0] == "<nil>" {
					t.Errorf("bare %q, own %q", texts[0], texts[1])
				}
			})
		}
	}
}
