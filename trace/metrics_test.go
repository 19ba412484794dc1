package trace_test

import (
	"io"
	"net/http"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"go.opentelemetry.io/otel/attribute"
	metricnoop "go.opentelemetry.io/otel/metric/noop"
	"go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	nooptrace "go.opentelemetry.io/otel/trace/noop"

	"github.com/warmconn/warmconn/drain"
	"github.com/warmconn/warmconn/internal/eventually"
	"github.com/warmconn/warmconn/internal/stub"
	"github.com/warmconn/warmconn/internal/testserver"
	"github.com/warmconn/warmconn/pool"
	"github.com/warmconn/warmconn/roundtripper"
	"github.com/warmconn/warmconn/trace"
)

// point is one series at one collection.
type point struct {
	name  string
	attrs attribute.Set
	value float64 // of a histogram: how many
	sum   float64
}

// collect returns the series by name.
func collect(t *testing.T, reader *metric.ManualReader) map[string][]point {
	t.Helper()
	var rm metricdata.ResourceMetrics
	if err := reader.Collect(t.Context(), &rm); err != nil {
		t.Fatal(err)
	}
	all := map[string][]point{}
	for _, sm := range rm.ScopeMetrics {
		for _, m := range sm.Metrics {
			var ps []point
			switch d := m.Data.(type) {
			case metricdata.Sum[int64]:
				for _, p := range d.DataPoints {
					ps = append(ps, point{m.Name, p.Attributes, float64(p.Value), 0})
				}
			case metricdata.Sum[float64]:
				for _, p := range d.DataPoints {
					ps = append(ps, point{m.Name, p.Attributes, p.Value, 0})
				}
			case metricdata.Histogram[float64]:
				for _, p := range d.DataPoints {
					ps = append(ps, point{m.Name, p.Attributes, float64(p.Count), p.Sum})
				}
			case metricdata.Histogram[int64]:
				for _, p := range d.DataPoints {
					ps = append(ps, point{m.Name, p.Attributes, float64(p.Count), float64(p.Sum)})
				}
			default:
				t.Errorf("%s is a %T", m.Name, d)
			}
			name := m.Name + " " + m.Unit
			all[name] = append(all[name], ps...) // of all scopes
		}
	}
	return all
}

// sum adds the points up whose attribute has that value; all if key is empty.
func sum(ps []point, key attribute.Key, value string) (n float64) {
	for _, p := range ps {
		if v, ok := p.attrs.Value(key); key == "" || ok && v.AsString() == value {
			n += p.value
		}
	}
	return n
}

func TestMetricsOfAWholeLife(t *testing.T) {
	r := newRig(t, func(w http.ResponseWriter, req *http.Request) {
		if req.URL.Path == "/close" {
			w.Header().Set("Connection", "close")
		}
		io.WriteString(w, strings.Repeat("x", 10_000))
	}, testserver.Options{TLS: true}, drain.New(drain.Options{}).Middleware, pool.New(pool.Options{MaxConnRequests: 3}).Middleware)
	for range 3 {
		r.get("/") // reads to the end
	}
	resp, err := r.client.Get(r.srv.URL + "/") // a new connection
	if err != nil {
		t.Fatal(err)
	}
	var before map[string][]point
	eventually.True(t, "the first connection to be closed", func() bool {
		before = collect(t, r.reader)
		return sum(before["http.client.connection.duration s"], "", "") == 1
	})
	resp.Body.Close() // drained
	r.get("/close")
	eventually.True(t, "two connections to be closed", func() bool { return r.srv.Open() == 0 })
	var after map[string][]point
	eventually.True(t, "their metrics", func() bool {
		after = collect(t, r.reader)
		return sum(after["http.client.connection.duration s"], "", "") == 2
	})

	for _, row := range []struct {
		name  string
		in    map[string][]point
		key   attribute.Key
		value string
		want  float64
	}{
		{"http.client.request.duration s", after, "", "", 5},
		{"http.client.active_requests {request}", before, "", "", 1},
		{"http.client.active_requests {request}", after, "", "", 0},
		{"http.client.open_connections {connection}", before, "http.connection.state", "active", 1},
		{"http.client.open_connections {connection}", before, "http.connection.state", "idle", 0},
		{"http.client.open_connections {connection}", after, "", "", 0},
		{"http.client.connection.duration s", before, "", "", 1},
		{"http.client.connection.duration s", after, "", "", 2},
		{"warmconn.connection.requests {request}", after, "", "", 2},
		{"warmconn.connection.new {connection}", after, "warmconn.new_reason", "first", 1},
		{"warmconn.connection.new {connection}", after, "warmconn.new_reason", "max_requests", 1},
		{"warmconn.connection.setup.duration s", after, "warmconn.setup.phase", "tls", 2},
		{"warmconn.connection.setup.duration s", after, "warmconn.setup.phase", "connect", 2},
		{"warmconn.request.time_in_queue s", after, "", "", 2}, // for the two connections
		{"warmconn.leaks {body}", after, "", "", 0},
	} {
		if got := sum(row.in[row.name], row.key, row.value); got != row.want {
			t.Errorf("%s %s=%s: %v, want %v", row.name, row.key, row.value, got, row.want)
		}
	}
	if n := sum(after["warmconn.drain.size By"], "warmconn.outcome", "drained"); n < 1 || n > 10_000 {
		t.Errorf("%v bytes drained", n)
	}
	if s := sum(after["warmconn.drain.duration s"], "warmconn.outcome", "drained"); s <= 0 || s > 10 {
		t.Errorf("%v s drained", s)
	}
	if p := after["warmconn.connection.requests {request}"]; len(p) != 1 || p[0].sum != 5 {
		t.Errorf("requests by connection %+v, want 5 in one series", p)
	}
	// The attributes of series are of low cardinality.
	known := []attribute.Key{"http.request.method", "http.response.status_code", "error.type", "network.protocol.version", "server.address", "server.port",
		"http.connection.state", "warmconn.new_reason", "warmconn.outcome", "warmconn.setup.phase"}
	for name, ps := range after {
		for _, p := range ps {
			for _, kv := range p.attrs.ToSlice() {
				if !slices.Contains(known, kv.Key) {
					t.Errorf("%s has an attribute %s", name, kv.Key)
				}
			}
			if !p.attrs.HasValue("server.address") || !p.attrs.HasValue("server.port") {
				t.Errorf("%s has no server: %v", name, p.attrs.ToSlice())
			}
		}
	}
}

func TestLeaksAreCounted(t *testing.T) {
	r := newRig(t, func(w http.ResponseWriter, _ *http.Request) { w.(http.Flusher).Flush(); ok(w, nil) }, testserver.Options{})
	forget(r)
	eventually.Collected(t, "the leak to be counted", func() bool {
		return sum(collect(t, r.reader)["warmconn.leaks {body}"], "", "") == 1
	})
}

// Under load the metric agrees with the pool's numbers at every collection, and after the load
// with the kernel's.
func TestOpenConnectionsAgreeWithTheKernel(t *testing.T) {
	r := newRig(t, ok, testserver.Options{}, pool.New(pool.Options{}).Middleware)
	done := make(chan struct{})
	for i := range 8 {
		go func() {
			defer func() { done <- struct{}{} }()
			for range 50 * (i + 1) {
				resp, err := r.client.Get(r.srv.URL)
				if err != nil {
					t.Error(err)
					return
				}
				io.Copy(io.Discard, resp.Body)
				resp.Body.Close()
			}
		}()
	}
	for left := 8; left > 0; {
		select {
		case <-done:
			left--
		default:
			if n := sum(collect(t, r.reader)["http.client.open_connections {connection}"], "", ""); n < 0 || n > 8 {
				t.Errorf("%v connections for 8 workers", n)
			}
		}
	}
	// Dials may be under way that no request has needed.
	eventually.True(t, "the metric, the server and the kernel to agree", func() bool {
		n := int(sum(collect(t, r.reader)["http.client.open_connections {connection}"], "", ""))
		if n != r.srv.Open() {
			return false // without asking the kernel
		}
		sockets, ok := r.srv.Established()
		if !ok {
			t.Log("SKIPPED: the kernel here does not tell of sockets")
			return true
		}
		return n == sockets
	})
}

func TestStableOnlyWritesOneMetric(t *testing.T) {
	reader := metric.NewManualReader()
	rt := trace.New(trace.Options{StableOnly: true, MeterProvider: metric.NewMeterProvider(metric.WithReader(reader))}).Middleware(stub.Transport{})
	req, _ := http.NewRequest("GET", "http://host.example/", nil)
	if err := stub.Do(rt, req); err != nil {
		t.Fatal(err)
	}
	if all := collect(t, reader); len(all) != 1 || sum(all["http.client.request.duration s"], "", "") != 1 {
		t.Errorf("metrics %v", all)
	}
}

// One of the two may be switched off; the other does not notice.
func TestTracerAndMeterWorkAlone(t *testing.T) {
	reader, recorder := metric.NewManualReader(), tracetest.NewSpanRecorder()
	req, _ := http.NewRequest("GET", "http://host.example/", nil)
	rt := trace.New(trace.Options{TracerProvider: nooptrace.NewTracerProvider(), MeterProvider: metric.NewMeterProvider(metric.WithReader(reader))}).Middleware(stub.Transport{})
	if err := stub.Do(rt, req); err != nil {
		t.Fatal(err)
	}
	if n := sum(collect(t, reader)["http.client.request.duration s"], "", ""); n != 1 {
		t.Errorf("%v requests measured without a tracer, want 1", n)
	}
	rt = trace.New(trace.Options{TracerProvider: sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(recorder)), MeterProvider: metricnoop.NewMeterProvider()}).Middleware(stub.Transport{})
	if err := stub.Do(rt, req); err != nil {
		t.Fatal(err)
	}
	if n := len(recorder.Ended()); n != 1 {
		t.Errorf("%d spans without a meter, want 1", n)
	}
}

// A Tracer for each client is a waste, but its callbacks must not pile up in the provider.
func TestDroppedTracersAreNotCollectedFrom(t *testing.T) {
	reader := metric.NewManualReader()
	mp := metric.NewMeterProvider(metric.WithReader(reader))
	kept := roundtripper.Wrap(stub.Transport{}, trace.New(trace.Options{MeterProvider: mp}).Middleware)
	before := callbacks(t, reader)
	for range 100 {
		trace.New(trace.Options{MeterProvider: mp}).Middleware(stub.Transport{})
	}
	eventually.Collected(t, "the collections of dropped Tracers to end", func() bool {
		return callbacks(t, reader) <= before+10
	})
	runtime.KeepAlive(kept)
}

// callbacks returns the allocations of a collection: each callback makes a map.
func callbacks(t *testing.T, reader *metric.ManualReader) int {
	var rm metricdata.ResourceMetrics
	return int(testing.AllocsPerRun(10, func() { reader.Collect(t.Context(), &rm) }))
}

func TestPeerAddressIsOnConnectionMetricsIfAskedFor(t *testing.T) {
	for _, asked := range []bool{false, true} {
		srv := testserver.New(http.HandlerFunc(ok), testserver.Options{})
		defer srv.Close()
		reader := metric.NewManualReader()
		tr := trace.New(trace.Options{PeerAddress: asked, MeterProvider: metric.NewMeterProvider(metric.WithReader(reader))})
		client := roundtripper.Client(&http.Client{Transport: srv.Transport()}, tr.Middleware, pool.New(pool.Options{}).Middleware)
		if err := do(client, within(t, 10*time.Second, srv.URL)); err != nil {
			t.Fatal(err)
		}
		open := collect(t, reader)["http.client.open_connections {connection}"]
		client.CloseIdleConnections()
		var lived []point
		eventually.True(t, "the connection's end", func() bool {
			lived = collect(t, reader)["http.client.connection.duration s"]
			return len(lived) > 0
		})
		for _, p := range append(open, lived...) {
			if v, has := p.attrs.Value("network.peer.address"); has != asked || has && v.AsString() != "127.0.0.1" {
				t.Errorf("asked %v: %s has the peer %q", asked, p.name, v.AsString())
			}
		}
		if n := sum(open, "", ""); n != 1 {
			t.Errorf("%v connections open, want 1", n)
		}
	}
}
