package trace_test

import (
	"io"
	"net/http"
	"runtime"
	"testing"
	"time"

	"go.opentelemetry.io/otel/sdk/metric"
	nooptrace "go.opentelemetry.io/otel/trace/noop"

	"github.com/warmconn/warmconn/internal/eventually"
	"github.com/warmconn/warmconn/internal/testserver"
	"github.com/warmconn/warmconn/pool"
	"github.com/warmconn/warmconn/roundtripper"
	"github.com/warmconn/warmconn/trace"
)

// The metrics of connections have the protocol, once it is known, and end at zero.
func TestConnectionMetricsHaveTheProtocol(t *testing.T) {
	for name, row := range map[string]struct {
		opts    testserver.Options
		version string
	}{
		"HTTP/1": {testserver.Options{}, "1.1"},
		"TLS":    {testserver.Options{TLS: true}, "1.1"},
		"HTTP/2": {testserver.Options{TLS: true, HTTP2: true}, "2"},
	} {
		for _, peers := range []bool{false, true} {
			t.Run(name, func(t *testing.T) {
				srv := testserver.New(http.HandlerFunc(ok), row.opts)
				defer srv.Close()
				reader := metric.NewManualReader()
				client := roundtripper.Client(&http.Client{Transport: srv.Transport()},
					trace.New(trace.Options{
						TracerProvider: nooptrace.NewTracerProvider(), PeerAddress: peers,
						MeterProvider: metric.NewMeterProvider(metric.WithReader(reader)),
					}).Middleware, pool.New(pool.Options{}).Middleware)
				resp, err := client.Get(srv.URL)
				if err != nil {
					t.Fatal(err)
				}
				const version = "network.protocol.version"
				open := collect(t, reader)["http.client.open_connections {connection}"]
				if n, all := sum(open, version, row.version), sum(open, "", ""); n != 1 || all != 1 {
					t.Errorf("%v of %v connections are of %s, want 1 of 1: %v", n, all, row.version, open)
				}
				io.Copy(io.Discard, resp.Body)
				resp.Body.Close()
				client.CloseIdleConnections()
				eventually.True(t, "the connection's end", func() bool {
					return sum(collect(t, reader)["http.client.connection.duration s"], version, row.version) == 1
				})
				open = collect(t, reader)["http.client.open_connections {connection}"]
				if n := sum(open, "", ""); n != 0 || !peers && len(open) != 2 {
					t.Errorf("at the end: %v, want none, active or idle", open)
				}
			})
		}
	}
}

// A connection speaks no protocol yet before its first request. Once such a one was counted,
// the series says that there is none: a collector that keeps what a series said last would
// count the connection twice.
func TestAConnectionWithoutAProtocolIsTakenBackWhenItHasOne(t *testing.T) {
	srv := testserver.New(http.HandlerFunc(ok), testserver.Options{})
	defer srv.Close()
	reader := metric.NewManualReader()
	p := pool.New(pool.Options{})
	defer p.Close()
	client := roundtripper.Client(&http.Client{Transport: srv.Transport()},
		trace.New(trace.Options{MeterProvider: metric.NewMeterProvider(metric.WithReader(reader))}).Middleware, p.Middleware)
	defer client.CloseIdleConnections() // and not by the collector, as long as they are counted
	if _, err := p.Warm(t.Context(), client.Transport, srv.URL, 1); err != nil {
		t.Fatal(err)
	}
	silent := func() (n float64, series int) {
		for _, p := range collect(t, reader)["http.client.open_connections {connection}"] {
			if _, ok := p.attrs.Value("network.protocol.version"); !ok {
				n, series = n+p.value, series+1
			}
		}
		return n, series
	}
	if n, series := silent(); n != 1 || series != 2 {
		t.Errorf("%v connections without a protocol, in %d series; want 1, active and idle", n, series)
	}
	if err := do(client, within(t, 10*time.Second, srv.URL)); err != nil {
		t.Fatal(err)
	}
	if n, series := silent(); n != 0 || series != 2 {
		t.Errorf("after its first request: %v connections without a protocol, in %d series; want none, active and idle", n, series)
	}
}

// Two Tracers in one stack, an SDK's and the program's, write into one
// instrument.
func TestTwoTracersOfOneMeterCountAConnectionOnce(t *testing.T) {
	srv := testserver.New(http.HandlerFunc(ok), testserver.Options{})
	defer srv.Close()
	reader := metric.NewManualReader()
	o := trace.Options{MeterProvider: metric.NewMeterProvider(metric.WithReader(reader))}
	client := roundtripper.Client(&http.Client{Transport: srv.Transport()},
		trace.New(o).Middleware, trace.New(o).Middleware, pool.New(pool.Options{}).Middleware)
	if err := do(client, within(t, 10*time.Second, srv.URL)); err != nil {
		t.Fatal(err)
	}
	if n := sum(collect(t, reader)["http.client.open_connections {connection}"], "", ""); n != 1 {
		t.Errorf("%v connections open, want 1", n)
	}
	client.CloseIdleConnections()
	var n float64
	eventually.True(t, "the connection's end", func() bool {
		n = sum(collect(t, reader)["http.client.connection.duration s"], "", "")
		return n > 0
	})
	time.Sleep(10 * time.Millisecond)
	if n = sum(collect(t, reader)["http.client.connection.duration s"], "", ""); n != 1 {
		t.Errorf("the duration of one connection was recorded %v times", n)
	}
}

// One Tracer on both sides of foreign middleware sees each connection
// twice.
func TestNestedStacksCountAConnectionOnce(t *testing.T) {
	r := newRig(t, ok, testserver.Options{})
	inner := roundtripper.Wrap(r.srv.Transport(), r.tracer.Middleware, pool.New(pool.Options{}).Middleware)
	r.client = &http.Client{Transport: roundtripper.Wrap(opaque{inner}, r.tracer.Middleware)}
	defer r.client.CloseIdleConnections()
	r.get("/")
	if n := sum(collect(t, r.reader)["http.client.open_connections {connection}"], "", ""); n != 1 {
		t.Errorf("%v connections open, want 1", n)
	}
	runtime.KeepAlive(inner)
}

// opaque is a middleware that can't be looked through.
type opaque struct{ next http.RoundTripper }

func (o opaque) RoundTrip(req *http.Request) (*http.Response, error) { return o.next.RoundTrip(req) }

// Tracers that are dropped, over a base that stays, leave nothing behind there.
func TestConnectionsAreNotToldToDroppedTracers(t *testing.T) {
	srv := testserver.New(http.HandlerFunc(ok), testserver.Options{})
	defer srv.Close()
	reader := metric.NewManualReader()
	o := trace.Options{MeterProvider: metric.NewMeterProvider(metric.WithReader(reader))}
	base := pool.New(pool.Options{}).Middleware(srv.Transport())
	for range 5 {
		trace.New(o).Middleware(base)
	}
	client := roundtripper.Client(&http.Client{Transport: base}, trace.New(o).Middleware)
	eventually.Collected(t, "the dropped Tracers to be collected", func() bool {
		if err := do(client, within(t, 10*time.Second, srv.URL)); err != nil {
			t.Fatal(err)
		}
		before := sum(collect(t, reader)["http.client.connection.duration s"], "", "")
		client.CloseIdleConnections()
		eventually.True(t, "the connection's end", func() bool { return srv.Open() == 0 })
		time.Sleep(10 * time.Millisecond)
		return sum(collect(t, reader)["http.client.connection.duration s"], "", "") == before+1
	})
}
