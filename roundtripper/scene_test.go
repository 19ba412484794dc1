package roundtripper_test

import (
	"context"
	"io"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	oteltrace "go.opentelemetry.io/otel/trace"

	"github.com/warmconn/warmconn/internal/testserver"
	"github.com/warmconn/warmconn/pool"
	"github.com/warmconn/warmconn/roundtripper"
	"github.com/warmconn/warmconn/trace"
)

// scene is one stack over one server, and the exchanges that have ended in it.
type scene struct {
	t      *testing.T
	srv    *testserver.Server // nil if the server is a peer
	opts   testserver.Options // srv's
	url    string             // the server's, where srv is nil
	client *http.Client
	pool   *pool.Pool // nil in a stack without
	peer   *peer      // the server, if it speaks HTTP/2 by hand
	ends   chan roundtripper.Exchange

	held []*http.Response // or the collector would take them for leaks

	released chan struct{} // one handler that holds its answer goes on
	arrived  chan struct{} // a request for /silent is there

	open  atomic.Int32 // connections, as the client sees it
	mu    sync.Mutex
	spans []oteltrace.SpanContext // of the exchanges, in the order of ends
	last  oteltrace.SpanContext   // of the one that next returned last
	lost  roundtripper.NewReason  // what that says of its own connection
}

// stack says what a scene's client is made of.
type stack struct {
	base   func(*http.Transport) // changes the transport before it is wrapped
	drain  roundtripper.Middleware
	pooled bool
	pool   pool.Options
}

func newScene(t *testing.T, o testserver.Options, edit func(*http.Transport), pooled bool) *scene {
	return serverScene(t, o, stack{base: edit, pooled: pooled})
}

func serverScene(t *testing.T, o testserver.Options, k stack) *scene {
	s := &scene{t: t, opts: o, released: make(chan struct{}), arrived: make(chan struct{}, 10)}
	s.srv = testserver.New(http.HandlerFunc(s.served), o)
	t.Cleanup(s.srv.Close)
	s.build(s.srv.Transport(), k)
	return s
}

func peerScene(t *testing.T, k stack) *scene {
	p := newPeer(t)
	s := &scene{t: t, peer: p, url: p.url}
	s.build(p.transport(), k)
	return s
}

func (s *scene) build(base *http.Transport, k stack) {
	s.ends = make(chan roundtripper.Exchange, 1000)
	if k.base != nil {
		k.base(base)
	}
	s.watchConns(base)
	provider := sdktrace.NewTracerProvider()
	mw := []roundtripper.Middleware{
		roundtripper.Observe(roundtripper.Observer{End: func(ctx context.Context, e roundtripper.Exchange) {
			s.mu.Lock()
			defer s.mu.Unlock()
			s.spans = append(s.spans, oteltrace.SpanContextFromContext(ctx))
			s.ends <- e
		}}),
		trace.New(trace.Options{TracerProvider: provider}).Middleware,
		k.drain,
	}
	if k.pooled {
		s.pool = pool.New(k.pool)
		mw = append(mw, s.pool.Middleware)
	}
	s.client = roundtripper.Client(&http.Client{Transport: base}, mw...)
	s.t.Cleanup(s.client.CloseIdleConnections)
}

// release lets one handler go on that holds its answer.
func (s *scene) release() {
	s.t.Helper()
	select {
	case s.released <- struct{}{}:
	case <-time.After(20 * time.Second):
		s.t.Fatal("no handler waits")
	}
}

// watchConns counts the connections that the client has open: that it has seen
// the end of one takes a moment longer than the server's end of it, and only
// pool could tell.
func (s *scene) watchConns(base *http.Transport) {
	dial := base.DialContext
	if dial == nil {
		dial = new(net.Dialer).DialContext
	}
	base.DialContext = func(ctx context.Context, network, addr string) (net.Conn, error) {
		c, err := dial(ctx, network, addr)
		if err != nil {
			return nil, err
		}
		s.open.Add(1)
		return &countedConn{Conn: c, open: &s.open}, nil
	}
}

type countedConn struct {
	net.Conn
	open   *atomic.Int32
	closed atomic.Bool
}

func (c *countedConn) Close() error {
	err := c.Conn.Close()
	if !c.closed.Swap(true) {
		c.open.Add(-1)
	}
	return err
}

// until waits for what no channel tells.
func (s *scene) until(what string, ok func() bool) {
	s.t.Helper()
	for deadline := time.Now().Add(20 * time.Second); !ok(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			s.t.Fatalf("waited in vain for %s", what)
		}
	}
}

// settled waits until the server has n connections open.
func (s *scene) settled(n int) {
	s.t.Helper()
	s.until("the server's connections to close", func() bool { return s.srv.Open() == n })
}

// seen waits until pool has seen that its connections are gone: that takes a
// moment longer than the server's end of it.
func (s *scene) seen() {
	s.t.Helper()
	s.until("pool's connections to close", func() bool { return s.pool.Stats().Open == 0 })
}

// gone waits until the client has closed all of its connections but n, and
// pool, if there is one, knows it.
func (s *scene) gone(n int) {
	s.t.Helper()
	for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(time.Millisecond) {
		open, pooled := int(s.open.Load()), n
		if s.pool != nil {
			pooled = s.pool.Stats().Open
		}
		if open == n && pooled == n {
			return
		}
		if time.Now().After(deadline) {
			s.t.Fatalf("the client has %d connections open, pool counts %d; want %d", open, pooled, n)
		}
	}
}

// closed is closed when the client has no connection open.
func (s *scene) closed() <-chan struct{} {
	done := make(chan struct{})
	go func() {
		defer close(done)
		for s.open.Load() > 0 && s.t.Context().Err() == nil {
			time.Sleep(time.Millisecond)
		}
	}()
	return done
}

// next is the next exchange that ends, or ended before. Its span is s.last.
func (s *scene) next() roundtripper.Exchange {
	s.t.Helper()
	select {
	case e := <-s.ends:
		s.mu.Lock()
		defer s.mu.Unlock()
		if len(s.spans) > 0 {
			s.last, s.spans = s.spans[0], s.spans[1:]
		}
		s.lost = e.LostReason
		return e
	case <-time.After(20 * time.Second):
		s.t.Fatal("an exchange did not end")
		panic("unreachable")
	}
}

func (s *scene) server() string {
	if s.srv != nil {
		return s.srv.URL
	}
	return s.url
}

func (s *scene) request(method, path string, body io.Reader) *http.Request {
	s.t.Helper()
	req, err := http.NewRequestWithContext(s.t.Context(), method, s.server()+path, body)
	if err != nil {
		s.t.Fatal(err)
	}
	return req
}

// do makes one request and leaves its body open.
func (s *scene) do(path string, edit func(*http.Request)) *http.Response {
	s.t.Helper()
	req := s.request("GET", path, nil)
	if edit != nil {
		edit(req)
	}
	return s.send(req)
}

// whole reads the body and returns what the stack says of the exchange.
func (s *scene) whole(resp *http.Response) roundtripper.Exchange {
	s.t.Helper()
	if _, err := io.Copy(io.Discard, resp.Body); err != nil {
		s.t.Error(err)
	}
	resp.Body.Close()
	return s.next()
}

// broken reads a body that fails, or does not: over TLS a cancelled read of a
// chunked body can look like its end.
func (s *scene) broken(resp *http.Response) roundtripper.Exchange {
	s.t.Helper()
	io.Copy(io.Discard, resp.Body)
	resp.Body.Close()
	return s.next()
}

// fails makes a request that gets no response.
func (s *scene) fails(path string, edit func(*http.Request)) roundtripper.Exchange {
	s.t.Helper()
	req := s.request("GET", path, nil)
	if edit != nil {
		edit(req)
	}
	if resp, err := s.client.Do(req); err == nil {
		resp.Body.Close()
		s.t.Errorf("a response, %s; want an error", resp.Status)
	}
	return s.next()
}

// hold makes one request and leaves its body open to the end of the test.
func (s *scene) hold(path string) *http.Response {
	s.t.Helper()
	resp := s.do(path, nil)
	s.held = append(s.held, resp)
	return resp
}

func (s *scene) send(req *http.Request) *http.Response {
	s.t.Helper()
	resp, err := s.client.Do(req)
	if err != nil {
		s.t.Fatal(err)
	}
	return resp
}

// read makes one request, reads its body and returns what the stack says.
func (s *scene) read(path string, edit func(*http.Request)) roundtripper.Exchange {
	s.t.Helper()
	return s.whole(s.do(path, edit))
}

// wantNew says that e dialed, for reason, and which span it names as the
// culprit: the zero value is nobody.
func (s *scene) wantNew(e roundtripper.Exchange, reason roundtripper.NewReason, culprit oteltrace.SpanContext) {
	s.t.Helper()
	if e.Reused || e.NewReason != reason {
		s.t.Errorf("reused %v, new_reason %q; want a new connection, for %q", e.Reused, e.NewReason, reason)
	}
	if e.Culprit.TraceID != culprit.TraceID() || e.Culprit.SpanID != culprit.SpanID() {
		s.t.Errorf("new for %q, by trace %x, span %x; want %v, %v", e.NewReason, e.Culprit.TraceID, e.Culprit.SpanID, culprit.TraceID(), culprit.SpanID())
	}
}

func (s *scene) wantReused(e roundtripper.Exchange) {
	s.t.Helper()
	if !e.Reused || e.NewReason != "" || e.Culprit.SpanID != [8]byte{} {
		s.t.Errorf("reused %v, new_reason %q, culprit %x; want a reused connection and none of both", e.Reused, e.NewReason, e.Culprit.SpanID)
	}
}

// culprit is the span of the exchange that next returned last.
func (s *scene) culprit() oteltrace.SpanContext {
	s.t.Helper()
	if !s.last.IsValid() {
		s.t.Error("the culprit has no span")
	}
	return s.last
}

// nobody is to blame.
var nobody oteltrace.SpanContext
