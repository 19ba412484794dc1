package pool_test

import (
	"bufio"
	"fmt"
	"io"
	"net/http"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/warmconn/warmconn/internal/fullsize"
	"github.com/warmconn/warmconn/internal/testserver"
)

// held are the parts of a response that a caller may keep, and read later.
var held = []struct {
	name string
	// keep returns the kept part, and a reader of it.
	keep func(*http.Response) (kept any, body io.Reader)
}{
	{"the response", func(r *http.Response) (any, io.Reader) { return r, r.Body }},
	{"only the body", func(r *http.Response) (any, io.Reader) { return r.Body, r.Body }},
	{"a bufio.Reader over the body", func(r *http.Response) (any, io.Reader) { b := bufio.NewReader(r.Body); return b, b }},
	{"a copy of the response", func(r *http.Response) (any, io.Reader) { c := *r; return &c, c.Body }},
	{"a Read method value", func(r *http.Response) (any, io.Reader) { f := r.Body.Read; return f, readFunc(f) }},
}

type readFunc func([]byte) (int, error)

func (f readFunc) Read(p []byte) (int, error) { return f(p) }

// TestHeldBodyIsNotTaken: a body that the program can still read was not dropped.
func TestHeldBodyIsNotTaken(t *testing.T) {
	t.Parallel()
	protocols(t, framed(nil), func(t *testing.T, srv *testserver.Server, base func() *http.Transport) {
		for _, timeout := range []time.Duration{0, time.Minute} {
			t.Run(fmt.Sprintf("timeout=%v", timeout > 0), func(t *testing.T) {
				l := newLeaks(base(), timeout, true)
				var kept []any
				var names []string
				var bodies []io.Reader
				for _, h := range held {
					for _, framing := range []string{"length", "chunked", "gzip"} {
						k, b := keepOne(t, l.client, srv.URL+"/"+framing, h.keep)
						kept, names, bodies = append(kept, k), append(names, h.name+", "+framing), append(bodies, b)
					}
				}
				l.collected(t, srv)
				for i, b := range bodies {
					if data, err := io.ReadAll(b); len(data) != paragraph || err != nil {
						t.Errorf("%s: %d bytes, %v after a collection; want %d", names[i], len(data), err, paragraph)
					}
				}
				runtime.KeepAlive(kept)
				if got := l.ends.Load(); got != int32(1+len(bodies)) {
					t.Errorf("%d exchanges have ended, want %d", got, 1+len(bodies))
				}
				l.client.CloseIdleConnections()
			})
		}
	})
}

//go:noinline
func keepOne[K any](t *testing.T, client *http.Client, url string, keep func(*http.Response) (K, io.Reader)) (K, io.Reader) {
	resp, err := client.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	return keep(resp)
}

// collected drops one body of its own and waits until that is found: then the collector has run,
// and must not have found another one.
func (l *leaks) collected(t *testing.T, srv *testserver.Server) {
	t.Helper()
	before := int(l.observed.Load())
	runtime.GC()
	dropOne(t, l.client, t.Context(), srv.URL+"/length")
	l.found(t, before+1)
}

// TestBodyOutOfReachIsFound: parts of a response that lead to no body do not
// keep it.
func TestBodyOutOfReachIsFound(t *testing.T) {
	rest := []struct {
		name string
		keep func(*http.Response) (any, io.Reader)
	}{
		{"the request", func(r *http.Response) (any, io.Reader) { return r.Request, nil }},
		{"the request's context", func(r *http.Response) (any, io.Reader) { return r.Request.Context(), nil }},
		{"the header", func(r *http.Response) (any, io.Reader) { return r.Header, nil }},
		{"the TLS state", func(r *http.Response) (any, io.Reader) { return r.TLS, nil }},
	}
	protocols(t, framed(nil), func(t *testing.T, srv *testserver.Server, base func() *http.Transport) {
		for _, timeout := range []time.Duration{0, time.Minute} {
			for i, h := range rest {
				if !fullsize.Asked() && (timeout > 0) != (i%2 == 0) {
					continue
				}
				t.Run(fmt.Sprintf("timeout=%v/%s", timeout > 0, h.name), func(t *testing.T) {
					l := newLeaks(base(), timeout, true)
					var kept []any
					for _, framing := range []string{"length", "chunked", "gzip"} {
						k, _ := keepOne(t, l.client, srv.URL+"/"+framing, h.keep)
						kept = append(kept, k)
					}
					l.found(t, len(kept))
					l.reusable(t, srv)
					runtime.KeepAlive(kept)
				})
			}
		}
	})
}

// TestReadInProgressIsNotTaken: while a goroutine waits in Read, only that call holds the body.
// When it has returned, nothing does.
func TestReadInProgressIsNotTaken(t *testing.T) {
	t.Parallel()
	goOn := make(chan struct{})
	protocols(t, framed(goOn), func(t *testing.T, srv *testserver.Server, base func() *http.Transport) {
		for _, timeout := range []time.Duration{0, time.Minute} {
			t.Run(fmt.Sprintf("timeout=%v", timeout > 0), func(t *testing.T) {
				l := newLeaks(base(), timeout, true)
				const n = 3
				var wg sync.WaitGroup
				for range n {
					reading := make(chan struct{})
					wg.Go(func() { readOne(t, l.client, srv.URL+"/hang", reading) })
					<-reading
				}
				l.collected(t, srv)
				if got := l.ends.Load(); got != 1 {
					t.Errorf("%d exchanges have ended under a Read", got-1)
				}
				for range n {
					goOn <- struct{}{}
				}
				wg.Wait()
				l.found(t, 1+n)
				l.reusable(t, srv)
			})
		}
	})
}

func readOne(t *testing.T, client *http.Client, url string, reading chan<- struct{}) {
	_, body := keepOne(t, client, url, func(r *http.Response) (any, io.Reader) { return nil, r.Body })
	buf := make([]byte, 1)
	close(reading)
	// The last use of body: this frame does not hold it during the call.
	if n, err := body.Read(buf); n != 1 || err != nil {
		t.Errorf("%d bytes, %v; want 1 after the collection", n, err)
	}
}
