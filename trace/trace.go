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
	"github.com/warmconn/warmconn/internal/record"
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
	owner      any // stands for the provider; comparable; nil: the global one of the day
	propagator propagation.TextMapPropagator
	metrics    *metrics // nil if nobody wants any
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
		opts: o, propagator: o.Propagator, kind: trace.WithSpanKind(trace.SpanKindClient), secret: secretsOf(o.RedactQuery),
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
		t.owner = standsFor(tp, t)
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
	if m := t.metrics; m != nil && m.more != nil && m.observing != nil {
		runtime.AddCleanup(t, stop, m.more)
	}
	return t
}

// claimant is who claims spans. The global provider is another one once the
// program has set it.
func (t *Tracer) claimant() any {
	if t.owner != nil {
		return t.owner
	}
	return standsFor(otel.GetTracerProvider(), t)
}

// standsFor is the provider, or self if that can't be compared.
func standsFor(provider, self any) any {
	// Most are pointers; to ask a Value takes an allocation.
	if reflect.TypeOf(provider).Kind() == reflect.Pointer || reflect.ValueOf(provider).Comparable() {
		return provider
	}
	return self
}

// Middleware puts tracing over next. A nil next is http.DefaultTransport.
func (t *Tracer) Middleware(next http.RoundTripper) http.RoundTripper {
	return record.New(next, part{t})
}

// part is the Tracer's share in an exchange. Its state is an *exchange, or nil.
type part struct{ t *Tracer }

// exchange is what a Tracer has of one.
type exchange struct {
	r      *record.Record
	span   trace.Span // nil if another layer writes it
	host   *host
	active *active // that it is counted in; nil if it is not
	// The propagator's first header: it needs no allocation of its own.
	header   [1]string
	injected bool
	// Whether its metrics are this Tracer's to write.
	request, conn, opened bool
	// Whether the span was ended, and the duration written: at the headers, perhaps.
	ended, timed bool
}

func (p part) Begin(r *record.Record) (any, error) {
	t := p.t
	h := hintsOf(r.Context())
	if h.exempt || t.opts.Skip != nil && t.opts.Skip(r.Request()) {
		return nil, nil
	}
	x := &exchange{r: r, host: t.host(r.Site())}
	active := false
	if m := t.metrics; m != nil {
		owner := m.owner()
		x.request = !t.opts.Annotate && r.Claim(record.RequestClaim, owner)
		if m.more != nil {
			// Who has the request may be StableOnly.
			active = !t.opts.Annotate && r.Claim(record.ActiveClaim, owner)
			x.conn = r.Claim(record.ConnClaim, owner)
			x.opened = r.Claim(record.NewClaim, owner)
		}
	}
	switch {
	case t.opts.Annotate:
		x.span = trace.SpanFromContext(r.Context())
		if !r.Claim(record.SpanClaim, x) {
			x.span = nil
		}
	case r.Claim(record.SpanClaim, t.claimant()):
		t.start(x, h)
	}
	if active {
		x.active = t.metrics.active(x.host, r.Request().Method)
		x.active.n.Add(1)
	}
	return x, nil
}

// Witness implements record.Witness: those who pay for the exchange link to its span.
func (p part) Witness(state any, c *ledger.Culprit) {
	if x, ok := state.(*exchange); ok && x.span != nil {
		if sc := x.span.SpanContext(); sc.IsValid() {
			c.Span = spanOf(sc)
		}
	}
}

// Claims implements record.Claimant.
func (p part) Claims(state any, what record.Claim, owner any) bool {
	x, ok := state.(*exchange)
	if !ok {
		return false
	}
	switch what {
	case record.SpanClaim:
		if other, ok := owner.(*exchange); ok { // it annotates; two links would say one thing
			return x.span != nil && x.span.SpanContext().SpanID() == other.span.SpanContext().SpanID()
		}
		return x.span != nil && owner == p.t.claimant()
	case record.RequestClaim:
		return x.request && owner == p.t.metrics.owner()
	case record.ActiveClaim:
		return x.active != nil && owner == p.t.metrics.owner()
	case record.NewClaim:
		return x.opened && owner == p.t.metrics.owner()
	}
	return x.conn && owner == p.t.metrics.owner()
}

// Listens implements record.Listener.
func (p part) Listens() bool {
	o := &p.t.opts
	return o.Annotate || o.EndAtHeaders || o.ResponseAttributes != nil || len(o.ResponseHeaders) > 0
}

// Answered implements record.Listener.
func (p part) Answered(r *record.Record, state any, resp *http.Response) {
	x, ok := state.(*exchange)
	if !ok {
		return
	}
	if x.span != nil {
		p.t.answered(x, resp)
	}
	if p.t.opts.EndAtHeaders && x.request {
		f := r.Facts()
		p.t.metrics.took(x, f.Answered, x.answer(&f))
	}
}

func (p part) End(r *record.Record, state any) {
	x, ok := state.(*exchange)
	if !ok {
		return
	}
	f := r.Final()
	if x.active != nil {
		x.active.n.Add(-1)
	}
	a := x.answer(f)
	if x.span != nil {
		p.t.end(x, f, a)
	}
	p.t.metrics.record(x, f, a)
}

func (p part) Phase() record.Phase { return record.Span }

func (p part) Describe(ledger.Watch) string {
	if p.t.opts.Annotate {
		return "trace: says on the span of the context what became of the connection"
	}
	return "trace: one client span for each exchange"
}
