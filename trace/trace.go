package trace

import (
	"cmp"
	"net/http"
	"reflect"
	"runtime"
	"sync"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/metric"
	"go.opentelemetry.io/otel/propagation"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"
	"go.opentelemetry.io/otel/trace"
	"go.opentelemetry.io/otel/trace/noop"

	"github.com/warmconn/warmconn/internal/cache"
	"github.com/warmconn/warmconn/internal/ledger"
	"github.com/warmconn/warmconn/internal/stack"
)

// scope is the instrumentation scope of spans and metrics.
const scope = "github.com/warmconn/warmconn/trace"

// Tracer traces the exchanges of any number of stacks. It is safe for
// concurrent use. Use New.
type Tracer struct {
	opts       Options
	tracer     trace.Tracer
	idle       bool // it never makes a span that is recorded
	kind       trace.SpanStartOption
	owner      func() any // returns what stands for the provider, which claims spans, and is comparable
	propagator propagation.TextMapPropagator
	metrics    *metrics // nil if none are wanted
	secret     secrets
	hosts      cache.Map[ledger.Key, *host]
	// Allow-lists.
	requestHeaders, responseHeaders headers

	scratches sync.Pool
}

// New returns a Tracer. Errors of the MeterProvider go to OpenTelemetry's
// error handler; the instrument that failed then records nothing.
func New(o Options) *Tracer {
	t := &Tracer{
		opts: o, propagator: o.Propagator, kind: trace.WithSpanKind(trace.SpanKindClient), secret: secretsOf(&o),
		requestHeaders:  headersOf(o.RequestHeaders, "http.request.header."),
		responseHeaders: headersOf(o.ResponseHeaders, "http.response.header."),
	}
	tp := o.TracerProvider
	if tp == nil {
		tp = otel.GetTracerProvider()
	}
	switch own := identity(tp, t); {
	case o.Annotate:
		t.owner = func() any { return t }
	case o.TracerProvider != nil:
		t.owner = func() any { return own }
	default: // the global one is another once the program has set it
		t.owner = func() any { return identity(otel.GetTracerProvider(), t) }
	}
	if t.propagator == nil {
		t.propagator = otel.GetTextMapPropagator()
	}
	mp := o.MeterProvider
	if mp == nil {
		mp = otel.GetMeterProvider()
	}
	name := cmp.Or(o.ScopeName, scope)
	t.tracer = tp.Tracer(name, trace.WithSchemaURL(semconv.SchemaURL), trace.WithInstrumentationVersion(o.ScopeVersion))
	_, t.idle = t.tracer.(noop.Tracer)
	t.metrics = newMetrics(mp.Meter(name, metric.WithSchemaURL(semconv.SchemaURL), metric.WithInstrumentationVersion(o.ScopeVersion)), &t.opts)
	if m := t.metrics; m != nil && m.devMetrics != nil && m.observing != nil {
		// The SDK's lock may be held by a collection, for as long as the program's own
		// callbacks take, and other clean-ups must not wait for that. The goroutine ends
		// with the collection.
		runtime.AddCleanup(t, func(m *devMetrics) { go m.stop() }, m.devMetrics)
	}
	return t
}

// identity is the provider, or self if that can't be compared.
func identity(provider, self any) any {
	// Most are pointers; to ask a Value takes an allocation.
	if reflect.TypeOf(provider).Kind() == reflect.Pointer || reflect.ValueOf(provider).Comparable() {
		return provider
	}
	return self
}

// Middleware puts tracing over next. A nil next is http.DefaultTransport.
func (t *Tracer) Middleware(next http.RoundTripper) http.RoundTripper {
	return stack.New(next, layer{t})
}
