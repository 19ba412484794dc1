package trace_test

import (
	"context"
	"net/http"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"

	"go.opentelemetry.io/otel/metric"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"

	"github.com/warmconn/warmconn/internal/eventually"
	"github.com/warmconn/warmconn/trace"
)

// The SDK holds a lock while it collects, and calls the program's own callbacks with it
// held, which may ask a socket. The clean-up of a dropped Tracer waits for that lock, and must
// hold up no other clean-up of the program.
func TestADroppedTracerHoldsUpNoCleanUpDuringACollection(t *testing.T) {
	reader := sdkmetric.NewManualReader()
	provider := sdkmetric.NewMeterProvider(sdkmetric.WithReader(reader))
	meter := provider.Meter("program")
	slow, err := meter.Int64ObservableGauge("slow")
	if err != nil {
		t.Fatal(err)
	}
	in, goOn := make(chan struct{}), make(chan struct{})
	if _, err := meter.RegisterCallback(func(context.Context, metric.Observer) error {
		in <- struct{}{}
		<-goOn
		return nil
	}, slow); err != nil {
		t.Fatal(err)
	}
	// The runtime has several goroutines for clean-ups, by the number of processors.
	for range 64 {
		trace.New(trace.Options{MeterProvider: provider}).Middleware(&http.Transport{})
	}
	collected := make(chan error)
	go func() {
		var rm metricdata.ResourceMetrics
		collected <- reader.Collect(context.Background(), &rm)
	}()
	<-in
	for range 3 { // the clean-ups of the Tracers come first
		runtime.GC()
		ran := new(atomic.Bool)
		runtime.AddCleanup(new([64]byte), func(ran *atomic.Bool) { ran.Store(true) }, ran)
		eventually.Collected(t, "a clean-up of the program", func() bool {
			return ran.Load()
		})
	}
	clearing := func() bool {
		stacks := make([]byte, 1<<20)
		return strings.Contains(string(stacks[:runtime.Stack(stacks, true)]), "warmconn/trace.(*devMetrics).stop")
	}
	if !clearing() {
		t.Error("no Tracer is being cleared away")
	}
	close(goOn)
	if err := <-collected; err != nil {
		t.Fatal(err)
	}
	eventually.Collected(t, "the goroutines that clear the Tracers away to end", func() bool {
		return !clearing()
	})
}
