package roundtripper_test

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/warmconn/warmconn/drain"
	"github.com/warmconn/warmconn/internal/testserver"
	"github.com/warmconn/warmconn/pool"
	"github.com/warmconn/warmconn/roundtripper"
)

// big is more than net/http on Go 1.27 drains by itself, and more than fits
// into the socket buffers.
const big = 4 << 20

// scene is one stack over one server, and the exchanges that it has seen.
type scene struct {
	t      *testing.T
	srv    *testserver.Server
	client *http.Client
	pool   *pool.Pool // nil in a stack without
	ends   chan roundtripper.Exchange
}

func (s *scene) next() roundtripper.Exchange {
	s.t.Helper()
	select {
	case e := <-s.ends:
		return e
	case <-time.After(10 * time.Second):
		s.t.Fatal("an exchange did not end")
		panic("unreachable")
	}
}

func (s *scene) do(path string, edit func(*http.Request)) *http.Response {
	s.t.Helper()
	req, err := http.NewRequest("GET", s.srv.URL+path, nil)
	if err != nil {
		s.t.Fatal(err)
	}
	if edit != nil {
		edit(req)
	}
	resp, err := s.client.Do(req)
	if err != nil {
		s.t.Fatal(err)
	}
	return resp
}

// read makes one request, reads its body and returns what the stack says.
func (s *scene) read(path string, edit func(*http.Request)) roundtripper.Exchange {
	s.t.Helper()
	resp := s.do(path, edit)
	if _, err := io.Copy(io.Discard, resp.Body); err != nil {
		s.t.Fatal(err)
	}
	resp.Body.Close()
	return s.next()
}

// settled waits until the server has n connections open.
func (s *scene) settled(n int) {
	s.t.Helper()
	for range 5000 {
		if s.srv.Open() == n {
			return
		}
		time.Sleep(time.Millisecond)
	}
	s.t.Fatalf("%d connections open, want %d", s.srv.Open(), n)
}

// hungUp says that the client has closed a connection of /unasked.
var hungUp = make(chan struct{}, 10)

// seen waits until the client has seen that its connection is gone: that takes
// a moment longer than the server's end of it.
func (s *scene) seen() {
	s.t.Helper()
	for range 5000 {
		if s.pool.Stats().Open == 0 {
			return
		}
		time.Sleep(time.Millisecond)
	}
	s.t.Fatal("the pool still has connections")
}

func handler(w http.ResponseWriter, r *http.Request) {
	switch r.URL.Path {
	case "/big":
		w.Header().Set("Content-Length", fmt.Sprint(big))
		io.WriteString(w, strings.Repeat("x", big))
	case "/hang":
		io.WriteString(w, "x")
		w.(http.Flusher).Flush()
		<-r.Context().Done()
	case "/none":
		w.WriteHeader(http.StatusNoContent)
	case "/close":
		w.Header().Set("Connection", "close")
		io.WriteString(w, "x")
	case "/cut":
		w.Header().Set("Content-Length", "10")
		io.WriteString(w, "x")
		w.(http.Flusher).Flush()
		panic(http.ErrAbortHandler)
	case "/unasked":
		c, _, err := http.NewResponseController(w).Hijack()
		if err != nil {
			panic(err)
		}
		defer c.Close()
		io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx")
		time.Sleep(20 * time.Millisecond) // until it is idle
		io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nX-Nobody: asked\r\n\r\n")
		io.Copy(io.Discard, c)
		hungUp <- struct{}{}
	case "/upgrade":
		c, rw, err := http.NewResponseController(w).Hijack()
		if err != nil {
			panic(err)
		}
		defer c.Close()
		fmt.Fprintf(rw, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n")
		rw.Flush()
		io.Copy(c, rw)
	default:
		io.WriteString(w, "x")
	}
}

// TestReasons makes each cause happen and looks at what the next dial says.
func TestReasons(t *testing.T) {
	tests := []struct {
		name   string
		reason roundtripper.NewReason
		pooled bool // only pool's dialer can see it
		base   func(*http.Transport)
		// cause does what costs the connection. The connection is gone when it
		// returns.
		cause func(*scene)
		// dial is the request that pays, nil for a plain one.
		edit func(*http.Request)
	}{
		{name: "the first request", reason: "first", cause: func(*scene) {}},
		{name: "closed unread", reason: "body_unread", cause: func(s *scene) {
			s.do("/big", nil).Body.Close()
			if e := s.next(); e.LostReason != "body_unread" {
				s.t.Errorf("the culprit lost its connection for %q, want body_unread", e.LostReason)
			}
			s.settled(0)
		}},
		{name: "leaked", reason: "body_leaked", cause: func(s *scene) {
			leak(s)
			for range 5000 {
				runtime.GC()
				if len(s.ends) > 0 {
					break
				}
				time.Sleep(time.Millisecond)
			}
			if e := s.next(); !e.Leaked || e.Outcome != "leaked" {
				s.t.Errorf("exchange %+v, want a leak", e)
			}
			s.settled(0)
		}},
		{name: "busy", reason: "all_busy", cause: func(s *scene) {
			resp := s.do("/hang", nil)
			s.t.Cleanup(func() { resp.Body.Close() })
		}},
		{name: "canceled in the body", reason: "canceled", cause: func(s *scene) {
			ctx, cancel := context.WithCancel(s.t.Context())
			resp := s.do("/hang", func(r *http.Request) { *r = *r.WithContext(ctx) })
			cancel()
			io.Copy(io.Discard, resp.Body)
			resp.Body.Close()
			if e := s.next(); e.Outcome != "canceled" {
				s.t.Errorf("outcome %q, want canceled", e.Outcome)
			}
			s.settled(0)
		}},
		{name: "deadline in the body", reason: "timeout", cause: func(s *scene) {
			ctx, cancel := context.WithTimeout(s.t.Context(), 300*time.Millisecond)
			defer cancel()
			resp := s.do("/hang", func(r *http.Request) { *r = *r.WithContext(ctx) })
			io.Copy(io.Discard, resp.Body)
			resp.Body.Close()
			s.next()
			s.settled(0)
		}},
		{name: "response said close", reason: "server_close", cause: func(s *scene) { s.read("/close", nil); s.settled(0) }},
		{name: "request said close", reason: "client_close", cause: func(s *scene) {
			s.read("/", func(r *http.Request) { r.Close = true })
			s.settled(0)
		}},
		{name: "header said close", reason: "client_close", cause: func(s *scene) {
			s.read("/", func(r *http.Request) { r.Header.Set("Connection", "close") })
			s.settled(0)
		}},
		{name: "keep-alives disabled", reason: "keepalives_disabled", base: func(t *http.Transport) { t.DisableKeepAlives = true },
			cause: func(s *scene) { s.read("/", nil) }},
		{name: "negative idle limit", reason: "keepalives_disabled", base: func(t *http.Transport) { t.MaxIdleConnsPerHost = -1 },
			cause: func(s *scene) { s.read("/", nil) }},
		{name: "CloseIdleConnections", reason: "closed_idle", cause: func(s *scene) {
			s.read("/", nil)
			s.client.CloseIdleConnections()
			s.settled(0)
		}},
		{name: "server closed an idle connection", reason: "server_closed_idle", pooled: true, cause: func(s *scene) {
			s.read("/", nil)
			s.srv.CloseClientConnections()
			s.seen()
		}},
		{name: "bytes that nobody asked for", reason: "protocol_error", pooled: true, cause: func(s *scene) {
			s.read("/unasked", nil)
			<-hungUp
			s.seen()
		}},
		{name: "idle timeout", reason: "idle_timeout", pooled: true, base: func(t *http.Transport) { t.IdleConnTimeout = 30 * time.Millisecond },
			cause: func(s *scene) { s.read("/", nil); s.seen() }},
		{name: "body cut short", reason: "conn_error", cause: func(s *scene) {
			resp := s.do("/cut", nil)
			io.Copy(io.Discard, resp.Body)
			resp.Body.Close()
			if e := s.next(); e.Err == nil || e.Outcome != "failed" {
				s.t.Errorf("outcome %q with error %v, want failed with one", e.Outcome, e.Err)
			}
			s.settled(0)
		}},
		{name: "upgraded", reason: "upgraded", cause: func(s *scene) {
			resp := s.do("/upgrade", func(r *http.Request) {
				r.Header.Set("Connection", "Upgrade")
				r.Header.Set("Upgrade", "echo")
			})
			if e := s.next(); e.Outcome != "upgraded" {
				s.t.Errorf("outcome %q, want upgraded", e.Outcome)
			}
			rw := resp.Body.(io.ReadWriteCloser)
			io.WriteString(rw, "ping")
			got := make([]byte, 4)
			if _, err := io.ReadFull(rw, got); string(got) != "ping" || err != nil {
				s.t.Errorf("tunnel returned %q, %v", got, err)
			}
			rw.Close()
		}},
	}
	for _, pooled := range []bool{false, true} {
		for _, secure := range []bool{false, true} {
			for _, tt := range tests {
				if tt.pooled && !pooled {
					continue
				}
				t.Run(fmt.Sprintf("pool=%v/tls=%v/%s", pooled, secure, tt.name), func(t *testing.T) {
					s := newScene(t, testserver.Options{TLS: secure}, tt.base, pooled)
					tt.cause(s)
					for len(s.ends) > 0 {
						s.next()
					}
					e := s.read("/", tt.edit)
					if e.NewReason != tt.reason || e.Reused {
						t.Errorf("new_reason %q, reused %v; want %q, false", e.NewReason, e.Reused, tt.reason)
					}
					// Nobody pays twice for one loss.
					if tt.reason == "keepalives_disabled" {
						return
					}
					if e := s.read("/", nil); !e.Reused || e.NewReason != "" {
						t.Errorf("the request after it: reused %v, new_reason %q; want true and none", e.Reused, e.NewReason)
					}
				})
			}
		}
	}
}

func newScene(t *testing.T, o testserver.Options, edit func(*http.Transport), pooled bool) *scene {
	s := &scene{t: t, ends: make(chan roundtripper.Exchange, 1000)}
	s.srv = testserver.New(http.HandlerFunc(handler), o)
	t.Cleanup(s.srv.Close)
	base := s.srv.Transport()
	if edit != nil {
		edit(base)
	}
	mw := []roundtripper.Middleware{
		roundtripper.Observe(roundtripper.Observer{End: func(_ context.Context, e roundtripper.Exchange) { s.ends <- e }}),
	}
	if pooled {
		s.pool = pool.New(pool.Options{})
		mw = append(mw, s.pool.Middleware)
	}
	s.client = roundtripper.Client(&http.Client{Transport: base}, mw...)
	t.Cleanup(s.client.CloseIdleConnections)
	return s
}

//go:noinline
func leak(s *scene) { s.do("/big", nil) }

func TestIdleLimitIsNamed(t *testing.T) {
	s := newScene(t, testserver.Options{}, func(t *http.Transport) { t.MaxIdleConnsPerHost = 1 }, false)
	a, b := s.do("/", nil), s.do("/", nil)
	for _, resp := range []*http.Response{a, b} {
		io.Copy(io.Discard, resp.Body)
		resp.Body.Close()
	}
	s.next()
	if e := s.next(); e.LostReason != "idle_limit" || e.Returned {
		t.Errorf("lost for %q, returned %v; want idle_limit, false", e.LostReason, e.Returned)
	}
	a, b = s.do("/", nil), s.do("/", nil)
	a.Body.Close()
	b.Body.Close()
	ea, eb := s.next(), s.next()
	if !ea.Reused || eb.NewReason != "idle_limit" {
		t.Errorf("reused %v, then new for %q; want true, idle_limit", ea.Reused, eb.NewReason)
	}
}

func TestStaleConnectionRetriedInsideNetHTTP(t *testing.T) {
	// A server that closes every connection after its first response, without
	// saying so: the second request finds out by itself, or net/http retries.
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	go func() {
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
				c.Read(buf) // the next request, and no answer
			}()
		}
	}()
	for _, pooled := range []bool{false, true} {
		t.Run(fmt.Sprintf("pool=%v", pooled), func(t *testing.T) {
			ends := make(chan roundtripper.Exchange, 10)
			mw := []roundtripper.Middleware{roundtripper.Observe(roundtripper.Observer{End: func(_ context.Context, e roundtripper.Exchange) { ends <- e }})}
			if pooled {
				mw = append(mw, pool.New(pool.Options{}).Middleware)
			}
			client := roundtripper.Client(&http.Client{Transport: &http.Transport{}}, mw...)
			defer client.CloseIdleConnections()
			for i, want := range []roundtripper.NewReason{"first", "server_closed_idle", "server_closed_idle"} {
				resp, err := client.Get("http://" + ln.Addr().String())
				if err != nil {
					t.Fatal(err)
				}
				io.Copy(io.Discard, resp.Body)
				resp.Body.Close()
				if e := <-ends; e.NewReason != want {
					t.Errorf("request %d: new for %q, want %q", i, e.NewReason, want)
				}
			}
		})
	}
}

func TestHTTP2SharesOneConnection(t *testing.T) {
	for _, pooled := range []bool{false, true} {
		t.Run(fmt.Sprintf("pool=%v", pooled), func(t *testing.T) {
			s := newScene(t, testserver.Options{HTTP2: true}, nil, pooled)
			if e := s.read("/", nil); e.NewReason != "first" || e.Proto != "HTTP/2.0" {
				t.Errorf("first: %q over %s", e.NewReason, e.Proto)
			}
			a, b := s.do("/hang", nil), s.do("/hang", nil)
			a.Body.Close() // unread: the stream is reset, the connection lives
			b.Body.Close()
			for range 2 {
				if e := s.next(); !e.Reused || e.LostReason != "" {
					t.Errorf("reused %v, lost for %q; want true and none", e.Reused, e.LostReason)
				}
			}
			e := s.read("/", nil)
			if !e.Reused || e.ConnID != 1 || e.ConnUses != 4 {
				t.Errorf("reused %v, connection %d, use %d; want true, 1, 4", e.Reused, e.ConnID, e.ConnUses)
			}
		})
	}
}

// TestReasonsInAStackThatDrains: with drain there is nothing to explain.
func TestReasonsInAStackThatDrains(t *testing.T) {
	ends := make(chan roundtripper.Exchange, 100)
	srv := testserver.New(http.HandlerFunc(handler), testserver.Options{})
	defer srv.Close()
	client := roundtripper.Client(&http.Client{Transport: srv.Transport()},
		roundtripper.Observe(roundtripper.Observer{End: func(_ context.Context, e roundtripper.Exchange) { ends <- e }}),
		drain.New(drain.Options{}).Middleware, pool.New(pool.Options{}).Middleware)
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
}
