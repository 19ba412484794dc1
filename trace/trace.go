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

	"github.com/warmconn/warmconn/internal/ledger"
	"github.com/warmconn/warmconn/internal/record"
)

// scope is the instrumentation scope of spans and metrics.
const scope = "github.com/warmconn/warmconn/trace"

// Tracer traces the exchanges of any number of stacks. It is safe for
// concurrent use. Use New.
type Tracer struct {
	opts       Options
	tracer     trace.Tracer
	kind       trace.SpanStartOption
	owner      any // stands for the provider; comparable; nil: the global one of the day
	propagator propagation.TextMapPropagator
	metrics    *metrics
	secret     map[string]bool
	// Allow-lists.
	requestHeaders, responseHeaders headers

	scratches sync.Pool
}

// New returns a Tracer. Errors of the MeterProvider go to OpenTelemetry's
// error handler; the instrument that failed then records nothing.
func New(o Options) *Tracer {
	t := &Tracer{
		opts: o, propagator: o.Propagator, kind: trace.WithSpanKind(trace.SpanKindClient), secret: secrets(o.RedactQuery),
		requestHeaders:  headersOf(o.RequestHeaders, "http.request.header."),
		responseHeaders: headersOf(o.ResponseHeaders, "http.response.header."),
	}
	tp := o.TracerProvider
	if tp == nil {
		tp = otel.GetTracerProvider()
	}
	switch {
	case o.Annotate:
		t.owner = t
	case o.TracerProvider != nil:
		t.owner = t.standsFor(tp)
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
	t.metrics = newMetrics(mp.Meter(name, metric.WithSchemaURL(semconv.SchemaURL), metric.WithInstrumentationVersion(o.ScopeVersion)), &t.opts)
	if m := t.metrics.more; m != nil && m.observing != nil {
		runtime.AddCleanup(t, stop, m)
	}
	return t
}

// claimant is who claims exchanges. The global provider is another one once the
// program has set it.
func (t *Tracer) claimant() any {
	if t.owner != nil {
		return t.owner
	}
	return t.standsFor(otel.GetTracerProvider())
}

func (t *Tracer) standsFor(tp trace.TracerProvider) any {
	if reflect.ValueOf(tp).Comparable() {
		return tp
	}
	return t
}

// Middleware puts tracing over next. A nil next is http.DefaultTransport.
func (t *Tracer) Middleware(next http.RoundTripper) http.RoundTripper {
	return record.New(next, part{t})
}

// part is the Tracer's share in an exchange. Its state is the span, nil if there
// is none.
type part struct{ t *Tracer }

func (p part) Begin(r *record.Record) (any, error) {
	t := p.t
	h := hintsOf(r.Context())
	if h.exempt || t.opts.Skip != nil && t.opts.Skip(r.Request()) || !r.Claim(t.claimant()) {
		return nil, nil
	}
	if t.opts.Annotate {
		span := trace.SpanFromContext(r.Context())
		setSpan(r, span)
		return span, nil
	}
	span := t.start(r, h)
	t.metrics.active(r.Key(), r.Request().Method, +1)
	return t.detail(r, span), nil
}

// Listens implements record.Listener.
func (p part) Listens() bool {
	o := &p.t.opts
	return o.Annotate || o.EndAtHeaders || o.ResponseAttributes != nil || len(o.ResponseHeaders) > 0
}

// Answered implements record.Listener.
func (p part) Answered(r *record.Record, state any, resp *http.Response) {
	if span, ok := state.(trace.Span); ok {
		p.t.answered(r, span, resp)
	}
}

func (p part) End(r *record.Record, state any) {
	span, ok := state.(trace.Span)
	if !ok {
		return // another layer writes the span, or nobody
	}
	f := r.Final()
	p.t.end(r, span, f)
	p.t.metrics.record(r, f, &p.t.opts)
}

func (p part) Phase() record.Phase { return record.Span }

func (p part) Describe(ledger.Watch) string {
	if p.t.opts.Annotate {
		return "trace: says on the span of the context what became of the connection"
	}
	return "trace: one client span for each exchange"
}
