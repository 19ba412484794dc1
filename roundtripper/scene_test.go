package roundtripper_test

import (
	"context"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"

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
	last  oteltrace.SpanContext   // of the Exchange that next returned last
	lost  roundtripper.NewReason  // that Exchange's LostReason
}

// stack has the layers and settings of a scene's client.
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

// watchConns counts the connections that the client has open: it sees the end of one a moment
// later than the server, and without pool nothing else tells when.
func (s *scene) watchConns(base *http.Transport) {
	dial := base.DialContext
	if dial == nil {
		dial = new(net.Dialer).DialContext
	}
	base.DialContext = func(ctx context.Context, network, addr string) (net.Conn, error) {
		s.open.Add(1) // a dial that goes on may be one
		c, err := dial(ctx, network, addr)
		if err != nil {
			s.open.Add(-1)
			return nil, err
		}
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
