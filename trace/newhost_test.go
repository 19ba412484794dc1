//go:build !race

// The race detector has sync.Pool forget.

package trace_test

import (
	"context"
	"io"
	"net"
	"net/http"
	"strconv"
	"testing"

	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/sdk/metric"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"

	"github.com/warmconn/warmconn/drain"
	"github.com/warmconn/warmconn/internal/fullsize"
	"github.com/warmconn/warmconn/internal/stub"
	"github.com/warmconn/warmconn/internal/testserver"
	"github.com/warmconn/warmconn/pool"
	"github.com/warmconn/warmconn/roundtripper"
	"github.com/warmconn/warmconn/trace"
)

// hostName is the name of the i-th host, in one allocation.
func hostName(i int) string {
	buf := append(make([]byte, 0, 32), "host"...)
	return string(append(strconv.AppendInt(buf, int64(i), 10), ".example"...))
}

// newHostStacks are the stacks whose first request to a host is measured, with the
// allocations that it may make. Two of these are the base's and the name's.
func newHostStacks() []newHostStack {
	observe := roundtripper.Observe(roundtripper.Observer{})
	drains := drain.New(drain.Options{}).Middleware
	return []newHostStack{
		{"bare", nil, 2},
		{"observe", []roundtripper.Middleware{observe}, 7},
		{"+drain", []roundtripper.Middleware{observe, drains}, 7},
		{"+drain+pool", []roundtripper.Middleware{observe, drains, pool.New(pool.Options{}).Middleware}, 8},
		{"+drain+pool+trace", append(traced(), observe, drains, pool.New(pool.Options{}).Middleware), 25},
		{"trace", traced(), 23},
	}
}

type newHostStack struct {
	name   string
	mw     []roundtripper.Middleware
	allocs float64
}

// BenchmarkNewHost sends one request to each of b.N hosts, as a crawler or a sender of web
// hooks does, over a base that answers at once. Try -benchtime=300000x.
func BenchmarkNewHost(b *testing.B) {
	for _, v := range newHostStacks() {
		b.Run(v.name, func(b *testing.B) {
			rt := roundtripper.Wrap(stub.Transport{}, v.mw...)
			req, _ := http.NewRequest("GET", "http://host.example/", nil)
			b.ReportAllocs()
			i := 0
			for b.Loop() {
				i++
				req.URL.Host = hostName(i)
				if err := stub.Do(rt, req); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkNewHostSockets is BenchmarkNewHost over net/http and sockets, with
// http.DefaultTransport's settings. Try -benchtime=20000x.
func BenchmarkNewHostSockets(b *testing.B) {
	srv := testserver.New(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "ok") }), testserver.Options{})
	defer srv.Close()
	for _, v := range newHostStacks() {
		b.Run(v.name, func(b *testing.B) {
			base := http.DefaultTransport.(*http.Transport).Clone()
			base.DialContext = func(ctx context.Context, network, _ string) (net.Conn, error) {
				return srv.Dial(ctx, network, srv.Addr)
			}
			client := &http.Client{Transport: roundtripper.Wrap(base, v.mw...)}
			defer client.CloseIdleConnections()
			b.ReportAllocs()
			i := 0
			for b.Loop() {
				i++
				resp, err := client.Get("http://" + hostName(i))
				if err != nil {
					b.Fatal(err)
				}
				io.Copy(io.Discard, resp.Body)
				resp.Body.Close()
			}
		})
	}
}

// A crawler sends one request to a host, so that request bears the whole cost of the host.
func TestAllocationsOfANewHost(t *testing.T) {
	for _, v := range newHostStacks() {
		rt := roundtripper.Wrap(stub.Transport{}, v.mw...)
		req, _ := http.NewRequest("GET", "http://host.example/", nil)
		i := 0
		first := func() {
			i++
			req.URL.Host = hostName(i)
			if err := stub.Do(rt, req); err != nil {
				t.Fatal(err)
			}
		}
		for range 3000 { // more than there are series
			first()
		}
		if n := testing.AllocsPerRun(fullsize.Of(20_000, 500), first); n > v.allocs {
			t.Errorf("%s: %v allocations, want at most %v", v.name, n, v.allocs)
		}
	}
}

// traced is a trace layer over the SDK, with a meter that is never read.
func traced() []roundtripper.Middleware {
	return []roundtripper.Middleware{trace.New(trace.Options{
		TracerProvider: sdktrace.NewTracerProvider(),
		MeterProvider:  metric.NewMeterProvider(metric.WithReader(metric.NewManualReader())),
		Propagator:     propagation.TraceContext{},
	}).Middleware}
}
