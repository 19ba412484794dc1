package pool_test

import (
	"context"
	"crypto/tls"
	"io"
	"net"
	"net/http"
	"runtime"
	"sync/atomic"
	"testing"
	"time"

	"go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"

	"github.com/warmconn/warmconn/internal/eventually"
	"github.com/warmconn/warmconn/internal/testserver"
	"github.com/warmconn/warmconn/pool"
	"github.com/warmconn/warmconn/roundtripper"
	"github.com/warmconn/warmconn/trace"
)

// Of connections that a program uses directly it is known that they were opened, are open, or
// were closed.
func TestTransportsConnectionsAreCounted(t *testing.T) {
	for _, proto := range overProtocols {
		t.Run(proto.name, func(t *testing.T) {
			srv := testserver.New(http.HandlerFunc(hello), proto.opts)
			defer srv.Close()
			p := pool.New(pool.Options{})
			defer p.Close()
			client := &http.Client{Transport: p.Transport(srv.Transport())}
			load(t, client, srv.URL, 10, 20)
			eventually.True(t, "the counts to agree", func() bool {
				s := p.Stats()
				h := s.Hosts[0]
				return len(s.Hosts) == 1 && h.Host == srv.Addr && !h.Watched && h.Open == srv.Open() && int(h.Opened) == srv.Opened() && s.Open == h.Open && s.Requests == 0
			})
			client.CloseIdleConnections()
			eventually.True(t, "all to be closed", func() bool { return srv.Open() == 0 && p.Stats().Open == 0 })
			if h := p.Stats().Hosts[0]; h.Closed != h.Opened || h.Lost["unknown"]+h.Lost["unused"] != h.Closed || h.Lost["unknown"] == 0 {
				t.Errorf("stats %+v, want all closed for an unknown reason", h)
			}
			runtime.KeepAlive(client) // the figures of its connections go with it
		})
	}
}

// Nothing was sent on the connection: net/http has dialed it for a request that another
// connection served.
func TestTransportsConnectionThatNobodyUsedIsToldSo(t *testing.T) {
	near, far := net.Pipe()
	defer far.Close()
	p := pool.New(pool.Options{})
	defer p.Close()
	ctx, cancel := context.WithCancel(t.Context())
	returned := make(chan struct{})
	tr := p.Transport(&http.Transport{DialContext: func(context.Context, string, string) (net.Conn, error) {
		cancel()
		<-returned // or the request might still take the connection
		return near, nil
	}})
	req, _ := http.NewRequestWithContext(ctx, "GET", "http://host.example/", nil)
	_, err := tr.RoundTrip(req)
	close(returned)
	if err == nil {
		t.Fatal("there was a response")
	}
	eventually.True(t, "the connection to be closed", func() bool {
		tr.CloseIdleConnections()
		return p.Stats().Lost["unused"] == 1
	})
}

// A connection on which a request or a handshake got no answer was used. An earlier version called
// it unused.
func TestTransportsConnectionThatGotNoAnswerWasUsed(t *testing.T) {
	for _, scheme := range []string{"http", "https"} {
		t.Run(scheme, func(t *testing.T) {
			ctx, cancel := context.WithCancel(t.Context())
			near, far := net.Pipe()
			defer far.Close()
			go func() {
				far.Read(make([]byte, 1)) // the request, or the handshake
				cancel()
				io.Copy(io.Discard, far)
			}()
			p := pool.New(pool.Options{})
			defer p.Close()
			tr := p.Transport(&http.Transport{DialContext: func(context.Context, string, string) (net.Conn, error) { return near, nil }})
			req, _ := http.NewRequestWithContext(ctx, "GET", scheme+"://host.example/", nil)
			if _, err := tr.RoundTrip(req); err == nil {
				t.Fatal("there was a response")
			}
			far.Close()
			eventually.True(t, "the connection to be closed", func() bool { return p.Stats().Closed == 1 })
			if lost := p.Stats().Lost; lost["unknown"] != 1 {
				t.Errorf("lost %v, want one unknown", lost)
			}
		})
	}
}

// Handshakes that fail, of connections that the Pool owns, are no unused ones either.
func TestConnectionWhoseHandshakeFailedIsNotUnused(t *testing.T) {
	srv := testserver.New(http.HandlerFunc(hello), testserver.Options{TLS: true})
	defer srv.Close()
	p := pool.New(pool.Options{})
	defer p.Close()
	client := &http.Client{Transport: p.Middleware(new(http.Transport))} // which does not trust the server
	if err := get(client, srv.URL); err == nil {
		t.Fatal("the server was trusted")
	}
	eventually.True(t, "the connection to be closed", func() bool { return p.Stats().Closed == 1 })
	if s := p.Stats(); s.Opened != 1 || s.Lost["conn_error"] != 1 {
		t.Errorf("%d opened, lost %v; want one, for conn_error", s.Opened, s.Lost)
	}
}

// MaxPerHost bounds the connections of a transport without the Middleware, in net/http's way,
// unless base has a limit of its own.
func TestTransportHasThePoolsLimits(t *testing.T) {
	p := pool.New(pool.Options{MaxPerHost: 3, IdleTimeout: time.Minute})
	defer p.Close()
	if tr := p.Transport(&http.Transport{MaxIdleConns: 50}); tr.MaxConnsPerHost != 3 || tr.IdleConnTimeout != time.Minute || tr.MaxIdleConnsPerHost != 50 {
		t.Errorf("limit %d, idle for %v, %d idle; want 3, 1m0s, 50", tr.MaxConnsPerHost, tr.IdleConnTimeout, tr.MaxIdleConnsPerHost)
	}
	if tr := p.Transport(&http.Transport{MaxConnsPerHost: 7, MaxIdleConnsPerHost: -1}); tr.MaxConnsPerHost != 7 || tr.MaxIdleConnsPerHost != -1 {
		t.Errorf("limit %d, %d idle; want the base's own, 7 and -1", tr.MaxConnsPerHost, tr.MaxIdleConnsPerHost)
	}
}

// Under the Middleware the Pool owns the connections as over any transport, counts them once, and
// Exempt requests come on top of the limit. Connections of a program that uses the same transport
// directly are counted beside them.
func TestMiddlewareOverTransportOwnsItsConnections(t *testing.T) {
	goOn := make(chan struct{})
	srv := testserver.New(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/slow" {
			w.(http.Flusher).Flush()
			<-goOn
		}
		hello(w, r)
	}), testserver.Options{})
	defer srv.Close()
	defer close(goOn)
	p := pool.New(pool.Options{MaxPerHost: 1})
	defer p.Close()
	reader := metric.NewManualReader()
	tracer := trace.New(trace.Options{MeterProvider: metric.NewMeterProvider(metric.WithReader(reader))})
	tr := p.Transport(srv.Transport())
	client := roundtripper.Client(&http.Client{Transport: tr}, tracer.Middleware, p.Middleware)
	held, err := client.Get(srv.URL + "/slow")
	if err != nil {
		t.Fatal(err)
	}
	defer held.Body.Close()
	ctx, cancel := context.WithTimeout(pool.Exempt(t.Context()), 10*time.Second)
	defer cancel()
	req, _ := http.NewRequestWithContext(ctx, "GET", srv.URL, nil)
	resp, err := client.Do(req)
	if err != nil {
		t.Fatal("an exempt request: ", err)
	}
	io.Copy(io.Discard, resp.Body)
	resp.Body.Close()
	if err := get(&http.Client{Transport: tr}, srv.URL); err != nil {
		t.Fatal(err)
	}
	s := p.Stats()
	owned, direct := pool.HostStats{}, pool.HostStats{}
	for _, h := range s.Hosts {
		if h.Watched {
			owned = h
		} else {
			direct = h
		}
	}
	if s.Opened != 3 || owned.Opened != 2 || direct.Opened != 1 || owned.Host != srv.URL || direct.Host != srv.Addr {
		t.Errorf("stats %+v, want two connections of the pool's and one beside", s)
	}
	if n := openConnections(t, reader); n != 3 {
		t.Errorf("the metric has %d open connections, want 3", n)
	}
}

func openConnections(t *testing.T, r metric.Reader) (n int64) {
	t.Helper()
	var rm metricdata.ResourceMetrics
	if err := r.Collect(t.Context(), &rm); err != nil {
		t.Fatal(err)
	}
	for _, sm := range rm.ScopeMetrics {
		for _, m := range sm.Metrics {
			if d, ok := m.Data.(metricdata.Sum[int64]); ok && m.Name == "http.client.open_connections" {
				for _, p := range d.DataPoints {
					n += p.Value
				}
			}
		}
	}
	return n
}

// Without the Middleware the limit is net/http's: it holds for requests over the transport itself,
// handshakes included.
func TestTransportsLimitHolds(t *testing.T) {
	srv := testserver.New(http.HandlerFunc(hello), testserver.Options{TLS: true})
	defer srv.Close()
	var conns counted
	p := pool.New(pool.Options{MaxPerHost: 4})
	defer p.Close()
	client := &http.Client{Transport: p.Transport(&http.Transport{TLSClientConfig: srv.ClientTLS(), DialContext: conns.dial})}
	load(t, client, srv.URL, 20, 20)
	if n := conns.most.Load(); n == 0 || n > 5 { // net/http counts a connection off before it is closed
		t.Errorf("%d connections at once, want at most 4", n)
	}
	client.CloseIdleConnections()
	eventually.True(t, "all to be closed", func() bool { return conns.open.Load() == 0 })
}

// A TLS dialer of the base's own makes a connection that net/http must see unwrapped.
func TestTransportsOwnTLSDialerIsNotWrapped(t *testing.T) {
	srv := testserver.New(http.HandlerFunc(hello), testserver.Options{TLS: true})
	defer srv.Close()
	p := pool.New(pool.Options{})
	defer p.Close()
	var dials atomic.Int32
	client := &http.Client{Transport: p.Transport(&http.Transport{DialTLSContext: func(ctx context.Context, network, addr string) (net.Conn, error) {
		dials.Add(1)
		return (&tls.Dialer{Config: srv.ClientTLS()}).DialContext(ctx, network, addr)
	}})}
	defer client.CloseIdleConnections()
	resp, err := client.Get(srv.URL)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if resp.TLS == nil || dials.Load() != 1 || p.Stats().Opened != 0 {
		t.Errorf("TLS %v, %d dials, %d counted; want some, 1, 0", resp.TLS, dials.Load(), p.Stats().Opened)
	}
}
