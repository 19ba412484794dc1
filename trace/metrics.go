package trace

import (
	"strconv"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"
	"go.opentelemetry.io/otel/semconv/v1.43.0/httpconv"

	"github.com/warmconn/warmconn/internal/record"
)

// metrics are the instruments of one Tracer.
type metrics struct {
	duration metric.Float64Histogram
}

func newMetrics(m metric.Meter) metrics {
	d, err := httpconv.NewClientRequestDuration(m, metric.WithExplicitBucketBoundaries(
		// The conventions' buckets, in seconds.
		.005, .01, .025, .05, .075, .1, .25, .5, .75, 1, 2.5, 5, 7.5, 10))
	if err != nil {
		otel.Handle(err)
	}
	return metrics{duration: d.Inst()}
}

func (m metrics) record(r *record.Record, f record.Facts) {
	ctx := r.Context()
	if !m.duration.Enabled(ctx) {
		return
	}
	method, _ := methodOf(f.Method)
	key := r.Key()
	var buf [6]attribute.KeyValue
	attrs := append(buf[:0], semconv.HTTPRequestMethodKey.String(method), semconv.ServerAddress(key.Host))
	if port, err := strconv.Atoi(key.Port); err == nil {
		attrs = append(attrs, semconv.ServerPort(port))
	}
	if f.Status > 0 {
		attrs = append(attrs, semconv.HTTPResponseStatusCode(f.Status))
	}
	if class := errorType(f); class != "" {
		attrs = append(attrs, semconv.ErrorTypeKey.String(class))
	}
	if v := version(f.Proto); v != "" {
		attrs = append(attrs, semconv.NetworkProtocolVersion(v))
	}
	m.duration.Record(ctx, f.Duration.Seconds(), metric.WithAttributes(attrs...))
}
