package warmconn_test

import (
	"net/http"
	"testing"

	"go.opentelemetry.io/otel/sdk/metric"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"

	"github.com/warmconn/warmconn"
	"github.com/warmconn/warmconn/internal/lockorder"
	"github.com/warmconn/warmconn/internal/stub"
	"github.com/warmconn/warmconn/trace"
)

// sdkTrace returns the options of a program that exports spans and metrics.
func sdkTrace() trace.Options {
	return trace.Options{
		TracerProvider: sdktrace.NewTracerProvider(),
		MeterProvider:  metric.NewMeterProvider(metric.WithReader(metric.NewManualReader())),
	}
}

var presets = []struct {
	name    string
	options func() warmconn.Options
	// allocs is the number of allocations that the kit adds to its base's. Six more come on top,
	// three hooks and a context, over a base that looks for them, as net/http does. Three of zero's
	// are OpenTelemetry's own, for a program that may set a provider later.
	allocs float64
}{
	{"zero", func() warmconn.Options { return warmconn.Options{} }, 8},
	{"annotate", func() warmconn.Options { return warmconn.Options{Annotate: true} }, 3},
	{"sdk", func() warmconn.Options { return warmconn.Options{Trace: sdkTrace()} }, 10},
	{"sdk, annotate", func() warmconn.Options { return warmconn.Options{Trace: sdkTrace(), Annotate: true} }, 3},
}

// TestAllocations pins the allocations that the kit adds to a request. Fewer are welcome; more
// need a reason here.
func TestAllocations(t *testing.T) {
	if raceEnabled || lockorder.Checked {
		t.Skip("SKIPPED: the check of races, or of the order of locks, allocates")
	}
	allocs := func(rt http.RoundTripper) float64 {
		req, _ := http.NewRequest("GET", "http://host.example/items?page=2", nil)
		for range 1000 { // past the pool's first stacks
			if err := stub.Do(rt, req); err != nil {
				t.Fatal(err)
			}
		}
		return testing.AllocsPerRun(1000, func() { stub.Do(rt, req) })
	}
	for _, looks := range []bool{false, true} {
		base := stub.Transport{Looks: looks}
		bare := allocs(base)
		for _, p := range presets {
			most := p.allocs
			if looks {
				most += 6
			}
			got := allocs(warmconn.New(p.options()).Wrap(base)) - bare
			t.Logf("%s, base looks %v: %v", p.name, looks, got)
			if got > most {
				t.Errorf("%s, base looks %v: %v more than without the kit, want at most %v", p.name, looks, got, most)
			}
		}
	}
}
