package trace

import (
	"net/http"
	"reflect"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/metric"
	"go.opentelemetry.io/otel/propagation"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"
	"go.opentelemetry.io/otel/trace"

	"github.com/warmconn/warmconn/internal/ledger"
	"github.com/warmconn/warmconn/internal/record"
)

// scope is the instrumentation scope of spans and metrics.
const scope = "github.com/warmconn/warmconn/trace"

// Options configures a Tracer. The zero value is right for most programs.
type Options struct {
	// TracerProvider makes the spans. Nil means the global one, also if it is
	// set after New.
	TracerProvider trace.TracerProvider
	// MeterProvider makes the metrics. Nil means the global one, also if it is
	// set after New.
	MeterProvider metric.MeterProvider
	// Propagator injects the span's context into the request. Nil means the
	// global one, also if it is set after New.
	Propagator propagation.TextMapPropagator
}

// Tracer traces the exchanges of any number of stacks. It is safe for
// concurrent use. Use New.
type Tracer struct {
	tracer     trace.Tracer
	owner      any // stands for the provider; comparable
	propagator propagation.TextMapPropagator
	metrics    metrics
}

// New returns a Tracer. Errors of the MeterProvider go to OpenTelemetry's
// error handler; the instrument that failed then records nothing.
func New(o Options) *Tracer {
	t := &Tracer{propagator: o.Propagator}
	tp := o.TracerProvider
	if tp == nil {
		tp = otel.GetTracerProvider()
	}
	if t.owner = tp; !reflect.ValueOf(tp).Comparable() {
		t.owner = t
	}
	if t.propagator == nil {
		t.propagator = otel.GetTextMapPropagator()
	}
	mp := o.MeterProvider
	if mp == nil {
		mp = otel.GetMeterProvider()
	}
	t.tracer = tp.Tracer(scope, trace.WithSchemaURL(semconv.SchemaURL))
	t.metrics = newMetrics(mp.Meter(scope, metric.WithSchemaURL(semconv.SchemaURL)))
	return t
}

// Middleware puts tracing over next. A nil next is http.DefaultTransport.
func (t *Tracer) Middleware(next http.RoundTripper) http.RoundTripper {
	return record.New(next, part{t})
}

// part is the Tracer's share in an exchange.
type part struct{ t *Tracer }

func (p part) Begin(r *record.Record) (any, error) {
	if !r.Claim(p.t.owner) {
		return nil, nil
	}
	return p.t.start(r), nil
}

func (p part) End(r *record.Record, state any) {
	span, ok := state.(trace.Span)
	if !ok {
		return // another layer writes the span
	}
	f := r.Facts()
	p.t.end(r, span, f)
	p.t.metrics.record(r, f)
}

func (p part) Phase() record.Phase { return record.Span }

func (p part) Describe(ledger.Watch) string { return "trace: one client span for each exchange" }
