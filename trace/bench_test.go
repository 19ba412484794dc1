package trace_test

import (
	"net/http"
	"testing"

	"go.opentelemetry.io/otel/metric/noop"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/sdk/metric"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	nooptrace "go.opentelemetry.io/otel/trace/noop"

	"github.com/warmconn/warmconn/drain"
	"github.com/warmconn/warmconn/internal/stub"
	"github.com/warmconn/warmconn/pool"
	"github.com/warmconn/warmconn/roundtripper"
	"github.com/warmconn/warmconn/trace"
)

// BenchmarkTrace is a traced request over a base that answers at once; observe
// is the same record without a span.
func BenchmarkTrace(b *testing.B) {
	sdk := trace.Options{TracerProvider: sdktrace.NewTracerProvider(), MeterProvider: noop.NewMeterProvider(), Propagator: propagation.TraceContext{}}
	both := sdk
	both.MeterProvider = metric.NewMeterProvider(metric.WithReader(metric.NewManualReader()))
	none := sdk
	none.TracerProvider = nooptrace.NewTracerProvider()
	for _, v := range []struct {
		name string
		mw   []roundtripper.Middleware
	}{
		{"bare", nil},
		{"observe", []roundtripper.Middleware{roundtripper.Observe(roundtripper.Observer{})}},
		{"noop", []roundtripper.Middleware{trace.New(none).Middleware}},
		{"sdk", []roundtripper.Middleware{trace.New(sdk).Middleware}},
		{"sdk+meter", []roundtripper.Middleware{trace.New(both).Middleware}},
		{"sdk+meter+drain+pool", []roundtripper.Middleware{trace.New(both).Middleware, drain.New(drain.Options{}).Middleware, pool.New(pool.Options{}).Middleware}},
	} {
		b.Run(v.name, func(b *testing.B) {
			rt := roundtripper.Wrap(stub.Transport{}, v.mw...)
			req, _ := http.NewRequest("GET", "http://host.example/", nil)
			for range 1000 { // past the requests whose stack pool always takes
				stub.Do(rt, req)
			}
			b.ReportAllocs()
			for b.Loop() {
				if err := stub.Do(rt, req); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
