package http_test

import (
	"context"
	"flag"
	"net/http"

	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"

	"github.com/warmconn/warmconn"
	"github.com/warmconn/warmconn/pool"
	"github.com/warmconn/warmconn/roundtripper"
	"github.com/warmconn/warmconn/trace"
)

var layersFlag = flag.String("layers", "bare", "what each transport's requests go through")

// TestMain is net/http's own, so the layers can't be set up there.
func init() { http.LayersOver = layersOver }

func layersOver(base *http.Transport) http.RoundTripper {
	switch *layersFlag {
	case "bare":
		return nil
	case "observe":
		return roundtripper.Wrap(base, roundtripper.Observe(roundtripper.Observer{}))
	case "pool":
		return roundtripper.Wrap(base, pool.New(pool.Options{}).Middleware)
	case "kit":
		return roundtripper.Wrap(base, kit())
	case "foreign":
		return roundtripper.Wrap(base, kit(), foreign)
	}
	panic("there are no layers " + *layersFlag)
}

// kit is the preset, with OpenTelemetry's own SDK to record what it tells.
func kit() roundtripper.Middleware {
	reader := sdkmetric.NewManualReader() // a periodic one's goroutine would be a leak to net/http's TestMain
	return warmconn.New(warmconn.Options{Trace: trace.Options{
		TracerProvider: sdktrace.NewTracerProvider(sdktrace.WithSyncer(exporter{reader})),
		MeterProvider:  sdkmetric.NewMeterProvider(sdkmetric.WithReader(reader)),
	}}).Middleware
}

// exporter takes each span when it ends, and the metrics.
type exporter struct{ reader sdkmetric.Reader }

func (e exporter) ExportSpans(ctx context.Context, spans []sdktrace.ReadOnlySpan) error {
	for _, span := range spans {
		if span.EndTime().IsZero() || len(span.Attributes()) == 0 {
			panic("a span that has recorded nothing: " + span.Name())
		}
	}
	return e.reader.Collect(ctx, new(metricdata.ResourceMetrics))
}

func (exporter) Shutdown(context.Context) error { return nil }

// foreign is a middleware that the kit does not know.
func foreign(next http.RoundTripper) http.RoundTripper { return roundTripper{next} }

type roundTripper struct{ next http.RoundTripper }

func (rt roundTripper) RoundTrip(req *http.Request) (*http.Response, error) {
	return rt.next.RoundTrip(req)
}

func (rt roundTripper) CloseIdleConnections() { roundtripper.CloseIdleConnections(rt.next) }
