package roundtripper_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"

	"github.com/warmconn/warmconn/drain"
	"github.com/warmconn/warmconn/internal/eventually"
	"github.com/warmconn/warmconn/internal/testserver"
	"github.com/warmconn/warmconn/roundtripper"
)

// passes is a middleware that does nothing.
var passes = foreign(func(next http.RoundTripper, req *http.Request) (*http.Response, error) { return next.RoundTrip(req) })

// TestMiddlewareSeesTheCallersBody: a retrier looks at its type to know how to send it
// again, and one that signs seeks in it.
func TestMiddlewareSeesTheCallersBody(t *testing.T) {
	name := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(name, []byte("hello"), 0o600); err != nil {
		t.Fatal(err)
	}
	file, err := os.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	for _, body := range []io.Reader{strings.NewReader("hello"), bytes.NewReader([]byte("hello")), bytes.NewBufferString("hello"), file} {
		t.Run(fmt.Sprintf("%T", body), func(t *testing.T) {
			eachStack(t, func(t *testing.T, mw []roundtripper.Middleware) {
				req, _ := http.NewRequest("PUT", "http://host.example/", body)
				var again io.ReadCloser
				if req.GetBody != nil {
					again = io.NopCloser(strings.NewReader("again"))
					req.GetBody = func() (io.ReadCloser, error) { return again, nil }
				}
				looks := foreign(func(_ http.RoundTripper, r *http.Request) (*http.Response, error) {
					if r.Body != req.Body {
						t.Errorf("it sees a %T, want the caller's %T", r.Body, req.Body)
					}
					if again != nil {
						if b, err := r.GetBody(); b != again || err != nil {
							t.Errorf("GetBody gives a %T, %v", b, err)
						}
					}
					return &http.Response{StatusCode: 200, Body: http.NoBody}, nil
				})
				resp, err := roundtripper.Wrap(nil, append(append([]roundtripper.Middleware{}, mw...), passes, looks)...).RoundTrip(req)
				if err != nil {
					t.Fatal(err)
				}
				resp.Body.Close()
			})
		})
	}
}

type countsWrites struct {
	net.Conn
	n *atomic.Int32
}

func (c countsWrites) Write(p []byte) (int, error) {
	c.n.Add(1)
	return c.Conn.Write(p)
}

// TestSmallBodyIsOneWriteBelowMiddleware: net/http sends header and body in one if it
// knows that the body is in memory.
func TestSmallBodyIsOneWriteBelowMiddleware(t *testing.T) {
	srv := testserver.New(http.HandlerFunc(handler), testserver.Options{})
	defer srv.Close()
	eachStack(t, func(t *testing.T, mw []roundtripper.Middleware) {
		var n atomic.Int32
		tr := &http.Transport{DialContext: func(ctx context.Context, network, addr string) (net.Conn, error) {
			c, err := new(net.Dialer).DialContext(ctx, network, addr)
			return countsWrites{c, &n}, err
		}}
		defer tr.CloseIdleConnections()
		client := roundtripper.Client(&http.Client{Transport: tr}, append(append([]roundtripper.Middleware{}, mw...), passes)...)
		resp, err := client.Post(srv.URL, "text/plain", strings.NewReader("hello"))
		if err != nil {
			t.Fatal(err)
		}
		io.Copy(io.Discard, resp.Body)
		resp.Body.Close()
		if n.Load() != 1 {
			t.Errorf("%d writes for a request, want 1", n.Load())
		}
	})
}

// sendsOn answers at once, and reads the request's body until its context ends.
type sendsOn struct {
	read chan string
}

func (b sendsOn) RoundTrip(req *http.Request) (*http.Response, error) {
	go func() {
		defer req.Body.Close()
		buf := make([]byte, 100)
		for {
			n, err := req.Body.Read(buf)
			select {
			case <-req.Context().Done():
				b.read <- "canceled"
				return
			default:
			}
			if err != nil {
				b.read <- err.Error()
				return
			}
			b.read <- string(buf[:n])
		}
	}()
	req.Context().Done()
	return &http.Response{StatusCode: 200, ProtoMajor: 3, Body: io.NopCloser(strings.NewReader("ok")), ContentLength: 2, Request: req}, nil
}

// TestUploadGoesOnOverABaseWithoutHooks: its end can't be seen, so the
// end of the response leaves it alone, and the caller's does not.
func TestUploadGoesOnOverABaseWithoutHooks(t *testing.T) {
	eachStack(t, func(t *testing.T, mw []roundtripper.Middleware) {
		synctest.Test(t, func(t *testing.T) {
			b := sendsOn{make(chan string)}
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			pr, pw := io.Pipe()
			req, _ := http.NewRequestWithContext(ctx, "POST", "http://host.example/", pr)
			resp, err := roundtripper.Wrap(b, mw...).RoundTrip(req)
			if err != nil {
				t.Fatal(err)
			}
			io.Copy(io.Discard, resp.Body)
			resp.Body.Close()
			runtime.GC()
			for range 3 {
				go pw.Write([]byte("more"))
				if s := <-b.read; s != "more" {
					t.Fatalf("the base got %q after the response had ended", s)
				}
			}
			cancel()
			synctest.Wait()
			go pw.Write([]byte("more"))
			if s := <-b.read; s != "canceled" {
				t.Errorf("the base got %q after the caller had cancelled", s)
			}
		})
	})
}

// looks looks for the end of the context, and calls no hooks.
type looks struct{}

func (looks) RoundTrip(req *http.Request) (*http.Response, error) {
	req.Context().Done()
	req.Body.Close()
	return &http.Response{StatusCode: 200, Body: io.NopCloser(strings.NewReader("ok")), ContentLength: 2, Request: req}, nil
}

// TestNoContextOfAnUploadIsLeftBehind: no hook says when it has ended, and the caller's
// context lives long.
func TestNoContextOfAnUploadIsLeftBehind(t *testing.T) {
	for _, url := range []string{"http://host.example/", "https://host.example/"} {
		parent := newCallCtx(nil, t.Context())
		rt := roundtripper.Wrap(looks{}, roundtripper.Observe(roundtripper.Observer{}), passes, drain.New(drain.Options{}).Middleware)
		for range 1000 {
			req, _ := http.NewRequestWithContext(parent, "POST", url, strings.NewReader("x"))
			resp, err := rt.RoundTrip(req)
			if err != nil {
				t.Fatal(err)
			}
			io.Copy(io.Discard, resp.Body)
			resp.Body.Close()
		}
		eventually.True(t, "the contexts of requests to "+url, func() bool {
			runtime.GC() // one level after the other
			return parent.derived() == 0
		})
	}
}
