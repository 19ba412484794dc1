package pool_test

import (
	"cmp"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"runtime"
	"strings"
	"sync"
	"testing"

	"github.com/warmconn/warmconn/pool"
	"github.com/warmconn/warmconn/roundtripper"
)

// quic is a base that calls httptrace's hooks as quic-go's http3.Transport does: one
// connection to a host, which all requests share and which is shown to each as a new
// net.Conn that has addresses and nothing else. All connections of a transport have the
// same local address, that of its socket. A dial goes on when the request that began it
// has ended, and each request that waits for it is told that the connection is new.
type quic struct {
	mu    sync.Mutex
	conn  *quicConn
	hello chan struct{} // a handshake waits for it; nil: it does not wait
	asked func()        // if not nil, called when a request has its connection, there or on its way
}

type quicConn struct {
	up   chan struct{} // closed with the end of the handshake
	dead bool
}

// fakeQUIC is the net.Conn that a hook is shown. Its other methods panic.
type fakeQUIC struct{ net.Conn }

func (fakeQUIC) LocalAddr() net.Addr  { return &net.UDPAddr{IP: net.IPv6unspecified, Port: 4711} }
func (fakeQUIC) RemoteAddr() net.Addr { return &net.UDPAddr{IP: net.IPv4(192, 0, 2, 1), Port: 443} }

func (q *quic) get() (c *quicConn, reused bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.conn == nil {
		c := &quicConn{up: make(chan struct{})}
		q.conn = c
		if q.hello == nil {
			close(c.up)
		} else {
			go func() {
				<-q.hello
				close(c.up)
			}()
		}
		return c, false
	}
	select {
	case <-q.conn.up:
		return q.conn, true
	default:
		return q.conn, false
	}
}

var errIdle = errors.New("timeout: no recent network activity")

func (q *quic) RoundTrip(req *http.Request) (*http.Response, error) {
	ctx := req.Context()
	trace := cmp.Or(httptrace.ContextClientTrace(ctx), new(httptrace.ClientTrace))
	if trace.GetConn != nil {
		trace.GetConn("host.example:443")
	}
	c, reused := q.get()
	if q.asked != nil {
		q.asked()
	}
	select {
	case <-c.up:
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
	if trace.GotConn != nil {
		trace.GotConn(httptrace.GotConnInfo{Conn: &fakeQUIC{}, Reused: reused})
	}
	if trace.WroteRequest != nil {
		trace.WroteRequest(httptrace.WroteRequestInfo{})
	}
	q.mu.Lock()
	dead := c.dead
	if dead && q.conn == c {
		q.conn = nil
	}
	q.mu.Unlock()
	if dead {
		return nil, errIdle
	}
	if req.URL.Path == "/hang" {
		<-ctx.Done()
		return nil, ctx.Err()
	}
	return &http.Response{
		Status: "200 OK", StatusCode: 200, Proto: "HTTP/3.0", ProtoMajor: 3, Header: http.Header{}, Request: req,
		ContentLength: 5, Body: io.NopCloser(strings.NewReader("hello")),
	}, nil
}

// die has the connection fail the next request.
func (q *quic) die() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.conn.dead = true
}

// toldOf collects the Exchanges of an Observer.
type toldOf struct {
	mu  sync.Mutex
	all []roundtripper.Exchange
}

func (s *toldOf) middleware() roundtripper.Middleware {
	return roundtripper.Observe(roundtripper.Observer{End: func(_ context.Context, e roundtripper.Exchange) {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.all = append(s.all, e)
	}})
}

// conns returns how many exchanges were on a new connection, how many had a connection, and how
// many connections there were.
func (s *toldOf) conns() (fresh, had, conns int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	ids := make(map[uint64]bool)
	for _, e := range s.all {
		if e.ConnID == 0 {
			continue
		}
		had++
		ids[e.ConnID] = true
		if !e.Reused {
			fresh++
		}
	}
	return fresh, had, len(ids)
}

func askHTTP3(t *testing.T, rt http.RoundTripper, ctx context.Context, path string, read bool) error {
	t.Helper()
	req, _ := http.NewRequestWithContext(ctx, "GET", "https://host.example"+path, nil)
	resp, err := rt.RoundTrip(req)
	if err != nil {
		return err
	}
	if read {
		io.Copy(io.Discard, resp.Body)
	}
	return resp.Body.Close()
}

// An earlier version took every second exchange for one on a new connection.
func TestHTTP3IsOneConnection(t *testing.T) {
	const requests, at1 = 8200, 8
	var s toldOf
	p := pool.New(pool.Options{})
	defer p.Close()
	rt := roundtripper.Wrap(new(quic), s.middleware(), p.Middleware)
	var wg sync.WaitGroup
	for w := range at1 {
		wg.Go(func() {
			for i := w; i < requests; i += at1 {
				if err := askHTTP3(t, rt, t.Context(), "/", i%3 > 0); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	if fresh, had, conns := s.conns(); fresh != 1 || had != requests || conns != 1 {
		t.Errorf("%d connections, new to %d of %d requests; want one, new to one of %d", conns, fresh, had, requests)
	}
	for _, e := range s.all {
		switch {
		case e.BytesDrained != 0 || e.DrainTime != 0:
			t.Fatalf("%d bytes drained: closing a stream costs nothing", e.BytesDrained)
		case e.LostReason != "":
			t.Fatalf("lost for %q", e.LostReason)
		case !e.Reused && e.NewReason != roundtripper.ReasonFirst, e.Proto != "HTTP/3.0":
			t.Fatalf("new for %q over %s; want first, HTTP/3.0", e.NewReason, e.Proto)
		}
	}
	if st := p.Stats(); st.Opened != 1 || st.Open != 1 || st.Closed != 0 || st.Active != 0 || st.Idle != 1 {
		t.Errorf("%d opened, %d open, %d closed, %d active, %d idle; want 1, 1, 0, 0, 1", st.Opened, st.Open, st.Closed, st.Active, st.Idle)
	}
	runtime.KeepAlive(rt) // what is believed of its connections goes with it
}

// Quic-go tells all requests that waited for the handshake that the connection is new.
func TestHTTP3DialThatManyWaitForIsOneConnection(t *testing.T) {
	const requests = 10
	var s toldOf
	p := pool.New(pool.Options{})
	defer p.Close()
	var asked sync.WaitGroup
	asked.Add(requests)
	base := &quic{hello: make(chan struct{}), asked: asked.Done}
	rt := roundtripper.Wrap(base, roundtripper.Observe(roundtripper.Observer{}), s.middleware(), p.Middleware)
	ctx := httptrace.WithClientTrace(t.Context(), &httptrace.ClientTrace{})
	var wg sync.WaitGroup
	for range requests {
		wg.Go(func() {
			if err := askHTTP3(t, rt, ctx, "/", true); err != nil {
				t.Error(err)
			}
		})
	}
	asked.Wait()
	close(base.hello)
	wg.Wait()
	if fresh, had, conns := s.conns(); fresh != 1 || had != requests || conns != 1 {
		t.Errorf("%d connections, new to %d of %d requests; want one, new to one of %d", conns, fresh, had, requests)
	}
}

// A deadline ends its stream alone, before the response or after it.
func TestHTTP3ConnectionOutlivesADeadline(t *testing.T) {
	var s toldOf
	p := pool.New(pool.Options{})
	defer p.Close()
	rt := roundtripper.Wrap(new(quic), s.middleware(), p.Middleware)
	for i := range 20 {
		ctx, cancel := context.WithCancel(t.Context())
		path := "/"
		if i%2 == 1 {
			path = "/hang"
			stop := context.AfterFunc(t.Context(), cancel)
			defer stop()
			go cancel()
		}
		err := askHTTP3(t, rt, ctx, path, true)
		cancel()
		if (path == "/hang") != errors.Is(err, context.Canceled) {
			t.Fatal(err)
		}
	}
	if fresh, _, conns := s.conns(); fresh != 1 || conns != 1 {
		t.Errorf("%d connections, new to %d requests; want 1, 1", conns, fresh)
	}
	if st := p.Stats(); st.Opened != 1 || st.Closed != 0 {
		t.Errorf("%d opened, %d closed for %v; want 1, 0", st.Opened, st.Closed, st.Lost)
	}
	runtime.KeepAlive(rt)
}

// The next connection has the same two addresses, because both are of one socket.
func TestHTTP3ConnectionThatTookTheOthersPlaceIsNew(t *testing.T) {
	var s toldOf
	p := pool.New(pool.Options{})
	defer p.Close()
	base := new(quic)
	rt := roundtripper.Wrap(base, s.middleware(), p.Middleware)
	for range 3 {
		for range 5 {
			if err := askHTTP3(t, rt, t.Context(), "/", true); err != nil {
				t.Fatal(err)
			}
		}
		base.die()
		if err := askHTTP3(t, rt, t.Context(), "/", true); !errors.Is(err, errIdle) {
			t.Fatalf("error %v, want the base's own", err)
		}
	}
	if fresh, had, conns := s.conns(); fresh != 3 || had != 18 || conns != 3 {
		t.Errorf("%d connections, new to %d of %d requests; want 3, 3 of 18", conns, fresh, had)
	}
	if st := p.Stats(); st.Opened != 3 || st.Closed != 2 || st.Open != 1 {
		t.Errorf("%d opened, %d closed, %d open; want 3, 2, 1", st.Opened, st.Closed, st.Open)
	}
	runtime.KeepAlive(rt)
}
