package main

import (
	"context"
	"errors"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/exporters/otlp/otlpmetric/otlpmetrichttp"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	"go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/resource"
	"go.opentelemetry.io/otel/sdk/trace"
)

// providers are OpenTelemetry's SDK as any program has it: the kit needs nothing but the
// two providers. Exemplars are the SDK's default.
type providers struct {
	spans   *trace.TracerProvider
	metrics *metric.MeterProvider
}

// service is the job in Prometheus.
const service = "shop"

// A minute is usual; here a user watches.
const exportEvery = 500 * time.Millisecond

func newProviders(ctx context.Context, collector string) (*providers, error) {
	spans, err := otlptracehttp.New(ctx, otlptracehttp.WithInsecure(), otlptracehttp.WithEndpoint(collector))
	if err != nil {
		return nil, err
	}
	metrics, err := otlpmetrichttp.New(ctx, otlpmetrichttp.WithInsecure(), otlpmetrichttp.WithEndpoint(collector))
	if err != nil {
		return nil, err
	}
	of := resource.NewSchemaless(attribute.String("service.name", service), attribute.String("service.instance.id", "1"))
	return &providers{
		spans:   trace.NewTracerProvider(trace.WithResource(of), trace.WithBatcher(spans, trace.WithBatchTimeout(exportEvery), trace.WithMaxQueueSize(1<<16))),
		metrics: metric.NewMeterProvider(metric.WithResource(of), metric.WithReader(metric.NewPeriodicReader(metrics, metric.WithInterval(exportEvery)))),
	}, nil
}

// flush has all that was recorded so far in the Collector.
func (t *providers) flush(ctx context.Context) error {
	return errors.Join(t.spans.ForceFlush(ctx), t.metrics.ForceFlush(ctx))
}

func (t *providers) stop() error {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	return errors.Join(t.spans.Shutdown(ctx), t.metrics.Shutdown(ctx))
}
