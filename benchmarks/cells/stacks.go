package main

import (
	"net/http"

	"go.opentelemetry.io/contrib/instrumentation/net/http/otelhttp"
	"go.opentelemetry.io/otel/metric"
	metricnoop "go.opentelemetry.io/otel/metric/noop"
	"go.opentelemetry.io/otel/propagation"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	oteltrace "go.opentelemetry.io/otel/trace"
	tracenoop "go.opentelemetry.io/otel/trace/noop"

	"github.com/warmconn/warmconn/drain"
	"github.com/warmconn/warmconn/pool"
	"github.com/warmconn/warmconn/roundtripper"
	"github.com/warmconn/warmconn/trace"
)

// stack is a way to make a client out of a transport.
type stack struct {
	name   string
	client func(base *http.Transport) *http.Client
}

const (
	bare  = "bare"
	other = "otelhttp"
)

// allStacks begin with bare net/http. Of the full kit there are two more, that
// tell its spans' attributes and its metrics apart: one has no tracer, the other no
// meter. No span is exported and no metric collected.
func allStacks() []stack {
	return []stack{
		{bare, plain},
		{"again", plain},
		{"pool", func(base *http.Transport) *http.Client { return kit(base, newPool()) }},
		{"drain+pool", func(base *http.Transport) *http.Client { return kit(base, newDrain(), newPool()) }},
		{"full", func(base *http.Transport) *http.Client { return full(base, tracer(), meter()) }},
		{"full-notracer", func(base *http.Transport) *http.Client { return full(base, tracenoop.NewTracerProvider(), meter()) }},
		{"full-nometer", func(base *http.Transport) *http.Client { return full(base, tracer(), metricnoop.NewMeterProvider()) }},
		{other, func(base *http.Transport) *http.Client {
			return &http.Client{Transport: otelhttp.NewTransport(base, otelhttp.WithTracerProvider(tracer()), otelhttp.WithMeterProvider(meter()),
				otelhttp.WithPropagators(propagation.TraceContext{}))}
		}},
	}
}

func plain(base *http.Transport) *http.Client { return &http.Client{Transport: base} }

func kit(base *http.Transport, layers ...roundtripper.Middleware) *http.Client {
	return roundtripper.Client(&http.Client{Transport: base}, layers...)
}

func full(base *http.Transport, tp oteltrace.TracerProvider, mp metric.MeterProvider) *http.Client {
	tr := trace.New(trace.Options{TracerProvider: tp, MeterProvider: mp, Propagator: propagation.TraceContext{}})
	return kit(base, tr.Middleware, newDrain(), newPool())
}

func newDrain() roundtripper.Middleware { return drain.New(drain.Options{}).Middleware }

func newPool() roundtripper.Middleware { return pool.New(pool.Options{}).Middleware }

func tracer() oteltrace.TracerProvider { return sdktrace.NewTracerProvider() }

func meter() metric.MeterProvider {
	return sdkmetric.NewMeterProvider(sdkmetric.WithReader(sdkmetric.NewManualReader()))
}
