package trace_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"go.opentelemetry.io/otel/attribute"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"

	"github.com/warmconn/warmconn/drain"
	"github.com/warmconn/warmconn/internal/eventually"
	"github.com/warmconn/warmconn/internal/testserver"
	"github.com/warmconn/warmconn/pool"
	"github.com/warmconn/warmconn/roundtripper"
	"github.com/warmconn/warmconn/trace"
)

// tally is a span processor that knows which spans have started and not ended.
type tally struct {
	mu      sync.Mutex
	started int
	open    map[string]string // name by span ID
	ended   []sdktrace.ReadOnlySpan
}

func (p *tally) OnStart(_ context.Context, s sdktrace.ReadWriteSpan) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.started++
	p.open[s.SpanContext().SpanID().String()] = s.Name()
}

func (p *tally) OnEnd(s sdktrace.ReadOnlySpan) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.open, s.SpanContext().SpanID().String())
	p.ended = append(p.ended, s)
}

func (*tally) Shutdown(context.Context) error   { return nil }
func (*tally) ForceFlush(context.Context) error { return nil }

func (p *tally) left() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return fmt.Sprint(p.open)
}

// fault is a way in which a request goes wrong.
type fault struct {
	name string
	http2, tls,
	limited bool // one request at a time, and none waits
	base  func(*http.Transport)
	make  func(t *testing.T, c *http.Client, url string) error
	fails bool
	class string // error.type; empty if it fails without one, or does not
}

func within(t *testing.T, d time.Duration, url string) *http.Request {
	ctx, cancel := context.WithTimeout(t.Context(), d)
	t.Cleanup(cancel)
	req, _ := http.NewRequestWithContext(ctx, "GET", url, nil)
	return req
}

// do makes a request, and reads its body to the end.
func do(c *http.Client, req *http.Request) error {
	resp, err := c.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	_, err = io.Copy(io.Discard, resp.Body)
	return err
}

func plainly(path string) func(*testing.T, *http.Client, string) error {
	return func(t *testing.T, c *http.Client, url string) error {
		return do(c, within(t, 20*time.Second, url+path))
	}
}

func timely(path string) func(*testing.T, *http.Client, string) error {
	return func(t *testing.T, c *http.Client, url string) error {
		return do(c, within(t, 30*time.Millisecond, url+path))
	}
}

func dialError(err error) func(*http.Transport) {
	return func(t *http.Transport) {
		t.DialContext = func(context.Context, string, string) (net.Conn, error) { return nil, err }
	}
}

var faults = []fault{
	{name: "none", make: plainly("/")},
	{name: "none over HTTP/2", http2: true, make: plainly("/")},
	{name: "connection refused", fails: true, class: "refused", make: func(t *testing.T, c *http.Client, _ string) error {
		return do(c, within(t, 10*time.Second, "http://127.0.0.1:1"))
	}},
	{name: "no such host", fails: true, class: "dns", make: plainly("/"),
		base: dialError(&net.OpError{Op: "dial", Err: &net.DNSError{Err: "no such host", Name: "x", IsNotFound: true}})},
	{name: "certificate of an unknown authority", tls: true, fails: true, class: "tls", make: plainly("/"),
		base: func(t *http.Transport) { t.TLSClientConfig = nil }},
	{name: "dial that hangs", fails: true, class: "timeout", make: timely("/"), base: func(t *http.Transport) {
		t.DialContext = func(ctx context.Context, _, _ string) (net.Conn, error) {
			time.Sleep(500 * time.Millisecond) // net/http's dials have no deadline of the request's
			return nil, errors.New("late")
		}
	}},
	{name: "handshake timeout", tls: true, fails: true, class: "timeout", make: plainly("/"), base: func(t *http.Transport) {
		t.TLSHandshakeTimeout = 20 * time.Millisecond
		t.DialContext = func(context.Context, string, string) (net.Conn, error) {
			c, silent := net.Pipe()
			go io.Copy(io.Discard, silent)
			return c, nil
		}
	}},
	{name: "connection cut before the response", fails: true, class: "eof", make: plainly("/cut")},
	{name: "connection cut in the body", fails: true, class: "eof", make: plainly("/cut/body")},
	{name: "malformed header", fails: true, class: "malformed", make: plainly("/malformed")},
	{name: "stream reset", http2: true, fails: true, class: "reset", make: plainly("/cut/body")},
	{name: "header timeout", fails: true, class: "timeout", make: plainly("/hang"),
		base: func(t *http.Transport) { t.ResponseHeaderTimeout = 20 * time.Millisecond }},
	{name: "deadline before the response", fails: true, class: "timeout", make: timely("/hang")},
	{name: "deadline before the response, HTTP/2", http2: true, fails: true, class: "timeout", make: timely("/hang")},
	{name: "deadline in the body", fails: true, class: "timeout", make: timely("/hang/body")},
	{name: "deadline in the body, HTTP/2", http2: true, fails: true, class: "timeout", make: timely("/hang/body")},
	{name: "caller's cancel", fails: true, make: func(t *testing.T, c *http.Client, url string) error {
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(20*time.Millisecond, cancel)
		req, _ := http.NewRequestWithContext(ctx, "GET", url+"/hang", nil)
		return do(c, req)
	}},
	{name: "server says 500", class: "500", make: plainly("/500")},
	{name: "early close", make: func(t *testing.T, c *http.Client, url string) error {
		resp, err := c.Do(within(t, 20*time.Second, url+"/hang/body"))
		if err != nil {
			return err
		}
		return resp.Body.Close()
	}},
	{name: "early close over HTTP/2", http2: true, make: func(t *testing.T, c *http.Client, url string) error {
		resp, err := c.Do(within(t, 20*time.Second, url+"/hang/body"))
		if err != nil {
			return err
		}
		return resp.Body.Close()
	}},
	{name: "server closes an HTTP/2 connection", http2: true, make: plainly("/goaway")},
	{name: "upgrade", make: func(t *testing.T, c *http.Client, url string) error {
		req := within(t, 20*time.Second, url+"/upgrade")
		req.Header.Set("Connection", "Upgrade")
		req.Header.Set("Upgrade", "echo")
		resp, err := c.Do(req)
		if err != nil {
			return err
		}
		return resp.Body.Close()
	}},
	{name: "leaked body", make: func(t *testing.T, c *http.Client, url string) error {
		func() { c.Get(url + "/hang/body") }()
		runtime.GC()
		return nil
	}},
	{name: "queue full", limited: true, fails: true, class: "pool_queue_full", make: func(t *testing.T, c *http.Client, url string) error {
		resp, err := c.Get(url + "/")
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		return do(c, within(t, 20*time.Second, url+"/"))
	}},
	{name: "redirect", make: plainly("/redirect")},
	{name: "connection that turns out dead, and a second try", make: func(t *testing.T, c *http.Client, url string) error {
		return errors.Join(do(c, within(t, 20*time.Second, url+"/")), do(c, within(t, 20*time.Second, url+"/once")), do(c, within(t, 20*time.Second, url+"/")))
	}},
	{name: "full list of idle connections", base: func(t *http.Transport) { t.MaxIdleConns = 1 }, make: func(t *testing.T, c *http.Client, url string) error {
		a, err := c.Get(url + "/")
		if err != nil {
			return err
		}
		defer a.Body.Close()
		if err := do(c, within(t, 20*time.Second, url+"/")); err != nil {
			return err
		}
		_, err = io.Copy(io.Discard, a.Body)
		return err
	}},
}

func faulty(w http.ResponseWriter, r *http.Request) {
	switch r.URL.Path {
	case "/cut":
		panic(http.ErrAbortHandler)
	case "/cut/body":
		w.Header().Set("Content-Length", "100")
		io.WriteString(w, "x")
		w.(http.Flusher).Flush()
		panic(http.ErrAbortHandler)
	case "/hang":
		<-r.Context().Done()
	case "/hang/body":
		w.(http.Flusher).Flush()
		<-r.Context().Done()
	case "/500":
		w.WriteHeader(500)
	case "/goaway":
		w.Header().Set("Connection", "close") // over HTTP/2 net/http sends GOAWAY
		io.WriteString(w, "x")
	case "/upgrade":
		nc, rw, err := w.(http.Hijacker).Hijack()
		if err != nil {
			return
		}
		defer nc.Close()
		fmt.Fprint(rw, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n")
		rw.Flush()
		bufio.NewReader(nc).ReadByte()
	case "/malformed":
		nc, _, err := w.(http.Hijacker).Hijack()
		if err != nil {
			return
		}
		defer nc.Close()
		io.WriteString(nc, "HTTP/1.1 200 OK\r\nSet-Cookie SECRET\r\n\r\n")
	case "/redirect":
		http.Redirect(w, r, "/", http.StatusFound)
	case "/once":
		// The next request finds this connection closed.
		w.Header().Set("Connection", "close")
		fallthrough
	default:
		io.WriteString(w, strings.Repeat("x", 2000))
	}
}

// With each fault every span that was started ends, spans of phases and connections as well,
// and the request's own has the fault's class.
func TestEverySpanEndsWhateverHappens(t *testing.T) {
	for _, o := range []struct {
		name string
		opts trace.Options
	}{
		{"plain", trace.Options{}},
		{"events", trace.Options{Phases: trace.PhaseEvents, PhaseHeaders: true}},
		{"spans", trace.Options{Phases: trace.PhaseSpans, ConnectionSpans: true}},
		{"headers", trace.Options{Phases: trace.PhaseSpans, ConnectionSpans: true, EndAtHeaders: true}},
	} {
		for _, f := range faults {
			t.Run(o.name+"/"+f.name, func(t *testing.T) {
				t.Parallel()
				srv := testserver.New(http.HandlerFunc(faulty), testserver.Options{TLS: f.tls, HTTP2: f.http2})
				defer srv.Close()
				spans := &tally{open: map[string]string{}}
				o := o.opts
				o.TracerProvider = sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(spans))
				base := srv.Transport()
				if f.base != nil {
					f.base(base)
				}
				p := pool.Options{}
				if f.limited {
					p = pool.Options{MaxPerHost: 1, MaxWaiting: -1}
				}
				client := roundtripper.Client(&http.Client{Transport: base}, trace.New(o).Middleware, drain.New(drain.Options{}).Middleware, pool.New(p).Middleware)
				defer client.CloseIdleConnections()
				if err := f.make(t, client, srv.URL); (err != nil) != f.fails {
					t.Errorf("error %v, want one: %v", err, f.fails)
				}
				eventually.True(t, "every span to end", func() bool {
					if spans.left() == "map[]" {
						return true
					}
					runtime.GC() // for the leaked one
					return false
				})
				spans.check(t, f, o)
			})
		}
	}
}

func (p *tally) check(t *testing.T, f fault, o trace.Options) {
	t.Helper()
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.started == 0 || p.started != len(p.ended) {
		t.Errorf("%d spans started, %d ended", p.started, len(p.ended))
	}
	var own sdktrace.ReadOnlySpan
	for _, s := range p.ended {
		for _, e := range s.Events() {
			if strings.Contains(fmt.Sprint(e.Attributes), "putIdleConn") {
				t.Errorf("%s says of the pool %v", s.Name(), e.Attributes)
			}
		}
		if s.Name() == "http.receive" && s.Status().Code != 0 {
			t.Errorf("http.receive is %v: the pool's being full is no error", s.Status())
		}
		if _, failed := attrs(s)["error.type"]; s.Name() == "GET" && (own == nil || failed) {
			own = s
		}
	}
	if own == nil {
		t.Fatalf("no span of the request among %v", names(p.ended))
	}
	if o.EndAtHeaders && (strings.Contains(f.name, "body") || strings.Contains(f.name, "stream")) {
		return // the error comes after its end
	}
	if f.class == "" {
		want(t, own, map[attribute.Key]any{"error.type": nil})
	} else {
		want(t, own, map[attribute.Key]any{"error.type": f.class})
	}
}
