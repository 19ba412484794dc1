package trace_test

import (
	"net/http"
	"strconv"
	"testing"

	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/sdk/metric"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"

	"github.com/warmconn/warmconn/drain"
	"github.com/warmconn/warmconn/internal/stub"
	"github.com/warmconn/warmconn/pool"
	"github.com/warmconn/warmconn/roundtripper"
	"github.com/warmconn/warmconn/trace"
)

// hostName is the name of the i-th host, in one allocation.
func hostName(i int) string {
	buf := append(make([]byte, 0, 32), "host"...)
	return string(append(strconv.AppendInt(buf, int64(i), 10), ".example"...))
}

// BenchmarkNewHost is the first and only request to a host, of so many as -benchtime
// says, over a base that answers at once: a crawler's, a web hook's. Try
// -benchtime=300000x.
func BenchmarkNewHost(b *testing.B) {
	observe := roundtripper.Observe(roundtripper.Observer{})
	stacks := map[string]func() []roundtripper.Middleware{
		"1 bare":    func() []roundtripper.Middleware { return nil },
		"2 observe": func() []roundtripper.Middleware { return []roundtripper.Middleware{observe} },
		"3 +drain": func() []roundtripper.Middleware {
			return []roundtripper.Middleware{observe, drain.New(drain.Options{}).Middleware}
		},
		"4 +drain+pool": func() []roundtripper.Middleware {
			return []roundtripper.Middleware{observe, drain.New(drain.Options{}).Middleware, pool.New(pool.Options{}).Middleware}
		},
		"5 +drain+pool+trace": func() []roundtripper.Middleware {
			return append(traced(), observe, drain.New(drain.Options{}).Middleware, pool.New(pool.Options{}).Middleware)
		},
		"6 trace": traced,
	}
	for _, name := range []string{"1 bare", "2 observe", "3 +drain", "4 +drain+pool", "5 +drain+pool+trace", "6 trace"} {
		b.Run(name[2:], func(b *testing.B) {
			rt := roundtripper.Wrap(stub.Transport{}, stacks[name]()...)
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

// traced is a trace layer over the SDK, with a meter that is never read.
func traced() []roundtripper.Middleware {
	return []roundtripper.Middleware{trace.New(trace.Options{
		TracerProvider: sdktrace.NewTracerProvider(),
		MeterProvider:  metric.NewMeterProvider(metric.WithReader(metric.NewManualReader())),
		Propagator:     propagation.TraceContext{},
	}).Middleware}
}
