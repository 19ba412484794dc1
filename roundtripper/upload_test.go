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

// TestMiddlewareSeesTheCallersBody: a retrier looks at the body's type to know how to send it
// again, and a middleware that signs seeks in it.
func TestMiddlewareSeesTheCallersBody(t *testing.T) {
	name := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(name, []byte("hello"), 0o600); err != nil {
		t.Fatal(err)
	}
	file, err := os.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	for _, body := range []io.Reader{
		strings.NewReader("hello"), bytes.NewReader([]byte("hello")), bytes.NewBufferString("hello"), http.NoBody,
		file, io.LimitReader(file, 3), &closes{Reader: strings.NewReader("hello")},
	} {
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

// sends counts the writes to a connection, and the files sent on it.
type sends struct {
	net.Conn
	writes, files *atomic.Int32
}

func (c sends) Write(p []byte) (int, error) {
	c.writes.Add(1)
	return c.Conn.Write(p)
}

// ReadFrom gets a file that is sent by sendfile, limited to the request's length.
func (c sends) ReadFrom(r io.Reader) (int64, error) {
	if l, ok := r.(*io.LimitedReader); ok {
		if _, ok := l.R.(*os.File); ok {
			c.files.Add(1)
		}
	}
	return io.Copy(c.Conn, r)
}

// writesItself is a body with a WriteTo.
type writesItself struct{ *closes }

func (b writesItself) WriteTo(w io.Writer) (int64, error) {
	var n int64
	for {
		var p [1]byte
		if m, err := b.Read(p[:]); err == io.EOF || m == 0 {
			return n, nil
		} else if err != nil {
			return n, err
		}
		m, err := w.Write(p[:])
		if n += int64(m); err != nil {
			return n, err
		}
	}
}

// TestBodiesAreSentAsByNetHTTPBelowMiddleware: net/http sends header and body in one write
// if it knows that the body is in memory, and a file by sendfile. It must also do so below
// foreign middleware, and behind a façade, where net/http has wrapped the body before the
// layers get it.
func TestBodiesAreSentAsByNetHTTPBelowMiddleware(t *testing.T) {
	name := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(name, []byte("hello"), 0o600); err != nil {
		t.Fatal(err)
	}
	open := func() io.Reader {
		f, err := os.Open(name)
		if err != nil {
			t.Fatal(err)
		}
		return f
	}
	srv := testserver.New(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		b, _ := io.ReadAll(r.Body)
		w.Write(b)
	}), testserver.Options{})
	defer srv.Close()
	send := func(t *testing.T, body io.Reader, wrap func(*http.Transport) http.RoundTripper) [2]int32 {
		var n [2]atomic.Int32
		tr := &http.Transport{DialContext: func(ctx context.Context, network, addr string) (net.Conn, error) {
			c, err := new(net.Dialer).DialContext(ctx, network, addr)
			return sends{c, &n[0], &n[1]}, err
		}}
		defer tr.CloseIdleConnections()
		req, _ := http.NewRequest("POST", srv.URL, body)
		req.ContentLength = int64(len("hello"))
		resp, err := wrap(tr).RoundTrip(req)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		if b, err := io.ReadAll(resp.Body); string(b) != "hello" {
			t.Errorf("the server got %q, %v", b, err)
		}
		return [2]int32{n[0].Load(), n[1].Load()}
	}
	for what, body := range map[string]func() io.Reader{
		"strings.Reader": func() io.Reader { return strings.NewReader("hello") },
		"bytes.Reader":   func() io.Reader { return bytes.NewReader([]byte("hello")) },
		"bytes.Buffer":   func() io.Reader { return bytes.NewBufferString("hello") },
		"two NopClosers": func() io.Reader { return io.NopCloser(io.NopCloser(strings.NewReader("hello"))) },
		"file":           open,
		"part of a file": func() io.Reader { return io.LimitReader(open(), 5) },
		"own":            func() io.Reader { return &closes{Reader: strings.NewReader("hello")} },
		"writes itself":  func() io.Reader { return writesItself{&closes{Reader: strings.NewReader("hello")}} },
	} {
		bare := send(t, body(), func(tr *http.Transport) http.RoundTripper { return tr })
		if _, isFile := body().(*os.File); isFile != (bare[1] == 1) {
			t.Errorf("%s: net/http has sent %d files", what, bare[1])
		}
		eachStack(t, func(t *testing.T, mw []roundtripper.Middleware) {
			below := append(append([]roundtripper.Middleware{}, mw...), passes)
			for place, wrap := range map[string]func(*http.Transport) http.RoundTripper{
				"over middleware": func(tr *http.Transport) http.RoundTripper { return roundtripper.Wrap(tr, below...) },
				"behind Facade":   func(tr *http.Transport) http.RoundTripper { return roundtripper.Facade(roundtripper.Wrap(tr, mw...)) },
				"behind a façade": func(tr *http.Transport) http.RoundTripper { return roundtripper.FacadeOf(tr, mw...) },
			} {
				if got := send(t, body(), wrap); got != bare {
					t.Errorf("%s, %s: writes and files are %d, without the layers %d", what, place, got, bare)
				}
			}
		})
	}
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

// TestNoContextOfAnUploadIsLeftBehind: no hook tells of the upload's end, and the caller's
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
		eventually.Collected(t, "the contexts of requests to "+url, func() bool {
			return parent.derived() == 0
		})
	}
}
