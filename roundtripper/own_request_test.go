package roundtripper_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"

	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	oteltrace "go.opentelemetry.io/otel/trace"

	"github.com/warmconn/warmconn/drain"
	"github.com/warmconn/warmconn/internal/testserver"
	"github.com/warmconn/warmconn/pool"
	"github.com/warmconn/warmconn/roundtripper"
	"github.com/warmconn/warmconn/trace"
)

type addedKey struct{}

// adds is a middleware that puts a value into the context, as loggers do.
var adds = foreign(func(next http.RoundTripper, req *http.Request) (*http.Response, error) {
	return next.RoundTrip(req.WithContext(context.WithValue(req.Context(), addedKey{}, "added")))
})

// follows is a middleware that follows redirects by itself.
var follows = foreign(func(next http.RoundTripper, req *http.Request) (*http.Response, error) {
	req = req.Clone(req.Context())
	req.RequestURI = ""
	return (&http.Client{Transport: next}).Do(req)
})

// chain calls f for req and for the requests of the responses that led to it.
func chain(req *http.Request, f func(*http.Request)) {
	for req != nil {
		f(req)
		if req.Response == nil {
			return
		}
		req = req.Response.Request
	}
}

// TestRequestOfTheResponseLivesOn: programs ask for further pages with the context of the
// response's request. That is not the exchange's context, with any base.
func TestRequestOfTheResponseLivesOn(t *testing.T) {
	between := map[string][]roundtripper.Middleware{
		"transport": nil, "signs": {signs}, "adds": {adds}, "follows": {follows}, "two": {adds, signs},
	}
	for _, http2 := range []bool{false, true} {
		srv := testserver.New(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			io.Copy(io.Discard, r.Body)
			if r.URL.Path == "/moved" {
				http.Redirect(w, r, "/", http.StatusTemporaryRedirect)
				return
			}
			io.WriteString(w, "ok")
		}), testserver.Options{HTTP2: http2})
		defer srv.Close()
		for name, mws := range between {
			t.Run(fmt.Sprintf("http2=%v/%s", http2, name), func(t *testing.T) {
				eachStack(t, func(t *testing.T, mw []roundtripper.Middleware) {
					tr := srv.Transport()
					defer tr.CloseIdleConnections()
					rt := roundtripper.Wrap(tr, append(append([]roundtripper.Middleware{}, mw...), mws...)...)
					ctx, cancel := context.WithCancel(t.Context())
					defer cancel()
					for range 2 { // the second time the connection is there
						req, _ := http.NewRequestWithContext(ctx, "POST", srv.URL+"/moved", strings.NewReader("x"))
						resp, err := rt.RoundTrip(req)
						if err != nil {
							t.Fatal(err)
						}
						io.Copy(io.Discard, resp.Body)
						resp.Body.Close()
						if name == "transport" && resp.Request != req {
							t.Error("it is not the caller's own")
						}
						chain(resp.Request, func(q *http.Request) {
							if err := q.Context().Err(); err != nil {
								t.Errorf("%s: %v, and the caller's context is alive", q.URL.Path, err)
							}
							if err := context.Cause(q.Context()); err != nil {
								t.Errorf("%s: cause %v", q.URL.Path, err)
							}
						})
						if (name == "adds" || name == "two") && resp.Request.Context().Value(addedKey{}) != "added" {
							t.Error("the value that a middleware has added is lost")
						}
						if name == "follows" && resp.Request.Response == nil {
							t.Error("the redirect is lost")
						}
						defer func() {
							cancel()
							if resp.Request.Context().Err() == nil {
								t.Error("it does not end with the caller's")
							}
						}()
					}
				})
			})
		}
	}
}

// TestRequestMadeWithTheResponsesContextIsItsOwn: it has an exchange, a slot and a span of its
// own, and the span is not the first one's child.
func TestRequestMadeWithTheResponsesContextIsItsOwn(t *testing.T) {
	for _, http2 := range []bool{false, true} {
		srv := testserver.New(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			io.Copy(io.Discard, r.Body)
			io.WriteString(w, "ok")
		}), testserver.Options{HTTP2: http2})
		defer srv.Close()
		for name, mws := range map[string][]roundtripper.Middleware{"transport": nil, "adds": {adds}, "signs": {signs}} {
			t.Run(fmt.Sprintf("http2=%v/%s", http2, name), func(t *testing.T) {
				spans := tracetest.NewSpanRecorder()
				observe, ends := collect()
				p := pool.New(pool.Options{MaxPerHost: 10})
				defer p.Close()
				tr := srv.Transport()
				defer tr.CloseIdleConnections()
				rt := roundtripper.Wrap(tr, append([]roundtripper.Middleware{
					trace.New(trace.Options{TracerProvider: sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(spans))}).Middleware,
					observe, drain.New(drain.Options{}).Middleware, p.Middleware}, mws...)...)
				post := func(ctx context.Context) *http.Response {
					req, _ := http.NewRequestWithContext(ctx, "POST", srv.URL, strings.NewReader("x"))
					resp, err := rt.RoundTrip(req)
					if err != nil {
						t.Fatal(err)
					}
					return resp
				}
				end := func(resp *http.Response) {
					io.Copy(io.Discard, resp.Body)
					resp.Body.Close()
				}
				end(post(t.Context())) // the connection is there
				first := post(t.Context())
				second := post(first.Request.Context())
				third := post(second.Request.Context())
				if n := p.Stats().InUse; n != 3 {
					t.Errorf("%d slots in use, want 3", n)
				}
				for _, resp := range []*http.Response{first, second, third} {
					end(resp)
				}
				if n := len(ends); n != 4 {
					t.Errorf("%d exchanges, want 4", n)
				}
				if n := len(spans.Ended()); n != 4 {
					t.Errorf("%d spans, want 4", n)
				}
				for _, s := range spans.Ended() {
					if s.Parent().IsValid() {
						t.Error("a span is a child, and the caller has none")
					}
				}
				if oteltrace.SpanFromContext(first.Request.Context()).SpanContext().IsValid() {
					t.Error("the response's request has a span, and the caller has none")
				}
			})
		}
	}
}

// TestRequestOfAKeptResponseIsNoExchange: a cache returns the response of an earlier
// exchange, with its request.
func TestRequestOfAKeptResponseIsNoExchange(t *testing.T) {
	srv := testserver.New(http.HandlerFunc(handler), testserver.Options{})
	defer srv.Close()
	var kept atomic.Pointer[http.Response]
	caches := foreign(func(next http.RoundTripper, req *http.Request) (*http.Response, error) {
		if resp := kept.Load(); resp != nil {
			return resp, nil
		}
		resp, err := next.RoundTrip(req)
		if err != nil {
			return nil, err
		}
		resp.Body.Close()
		again := *resp
		again.Body = http.NoBody
		kept.Store(&again)
		return resp, nil
	})
	tr := srv.Transport()
	defer tr.CloseIdleConnections()
	rt := roundtripper.Wrap(tr, roundtripper.Observe(roundtripper.Observer{}), caches)
	for range 2 {
		ctx, cancel := context.WithCancel(context.WithValue(t.Context(), addedKey{}, "caller"))
		defer cancel()
		req, _ := http.NewRequestWithContext(ctx, "POST", srv.URL, strings.NewReader("x"))
		resp, err := rt.RoundTrip(req)
		if err != nil {
			t.Fatal(err)
		}
		io.Copy(io.Discard, resp.Body)
		resp.Body.Close()
		if err := resp.Request.Context().Err(); err != nil {
			t.Errorf("the context is the earlier exchange's: %v", err)
		}
		if v := resp.Request.Context().Value(addedKey{}); v != "caller" {
			t.Errorf("value %v, want the caller's", v)
		}
	}
}
