package trace

import (
	"net/http"

	"go.opentelemetry.io/otel/trace"

	"github.com/warmconn/warmconn/internal/ledger"
	"github.com/warmconn/warmconn/internal/stack"
)

// layer is the Tracer's share in an exchange. Its state is an *exchange, or nil.
type layer struct{ t *Tracer }

// exchange is what a Tracer has of one.
type exchange struct {
	r      *stack.Exchange
	span   trace.Span // nil if another layer writes it
	host   *host
	active *active // that it is counted in; nil if it is not
	// The propagator's first header: it needs no allocation of its own.
	header   [1]string
	injected bool
	// These say which of the exchange's metrics this Tracer writes.
	request, conn, opened bool
	// ended says that the span was ended, and timed that the duration was written: perhaps
	// at the headers.
	ended, timed bool
}

func (p layer) Begin(r *stack.Exchange) (any, error) {
	t, ctx, req, target := p.t, r.Context(), r.Request(), r.Target()
	h := hintsOf(ctx)
	if h.exempt || t.opts.Skip != nil && t.opts.Skip(req) {
		return nil, nil
	}
	method, original := methodOf(req.Method)
	x := &exchange{r: r, host: t.host(target)}
	active := false
	if m := t.metrics; m != nil {
		owner := m.owner
		x.request = !t.opts.Annotate && r.Claim(stack.RequestSignal, owner)
		if m.devMetrics != nil {
			// The Tracer of the request's span may be StableOnly.
			active = !t.opts.Annotate && r.Claim(stack.ActiveSignal, owner)
			x.conn = r.Claim(stack.ConnSignal, owner)
			x.opened = r.Claim(stack.NewConnSignal, owner)
		}
	}
	switch {
	case t.opts.Annotate:
		x.span = trace.SpanFromContext(ctx)
		if !r.Claim(stack.SpanSignal, func() any { return x }) {
			x.span = nil
		}
	case r.Claim(stack.SpanSignal, t.owner):
		t.start(ctx, x, req, method, original, h)
	}
	if active {
		x.active = t.metrics.active(x.host, method)
		x.active.n.Add(1)
	}
	return x, nil
}

// AddCulprit implements stack.CulpritSource: exchanges that pay for this one link to its span.
func (p layer) AddCulprit(state any, c *ledger.Culprit) {
	if x, ok := state.(*exchange); ok && x.span != nil {
		if sc := x.span.SpanContext(); sc.IsValid() {
			c.Span = spanOf(sc)
		}
	}
}

// spanOf returns the part of a span that the kit keeps.
func spanOf(sc trace.SpanContext) ledger.Span {
	return ledger.Span{TraceID: sc.TraceID(), SpanID: sc.SpanID(), Flags: byte(sc.TraceFlags())}
}

// contextOf makes a link's context of what spanOf has kept.
func contextOf(s ledger.Span) trace.SpanContext {
	return trace.NewSpanContext(trace.SpanContextConfig{TraceID: s.TraceID, SpanID: s.SpanID, TraceFlags: trace.TraceFlags(s.Flags)})
}

// Emits implements stack.Emitter.
func (p layer) Emits(state any, what stack.Signal, owner any) bool {
	x, ok := state.(*exchange)
	if !ok {
		return false
	}
	switch what {
	case stack.SpanSignal:
		if other, ok := owner.(*exchange); ok { // it annotates; two links would say one thing
			return x.span != nil && x.span.SpanContext().SpanID() == other.span.SpanContext().SpanID()
		}
		return x.span != nil && owner == p.t.owner()
	case stack.RequestSignal:
		return x.request && owner == p.t.metrics.owner()
	case stack.ActiveSignal:
		return x.active != nil && owner == p.t.metrics.owner()
	case stack.NewConnSignal:
		return x.opened && owner == p.t.metrics.owner()
	}
	return x.conn && owner == p.t.metrics.owner()
}

// Listens implements stack.Listener.
func (p layer) Listens(bool) bool {
	o := &p.t.opts
	return o.Annotate || o.EndAtHeaders || o.ResponseAttributes != nil || len(o.ResponseHeaders) > 0
}

// Answered implements stack.Listener.
func (p layer) Answered(r *stack.Exchange, state any, resp *http.Response) {
	x, ok := state.(*exchange)
	if !ok {
		return
	}
	if x.span != nil {
		p.t.answered(x, resp)
	}
	if p.t.opts.EndAtHeaders && x.request {
		f := r.Facts()
		p.t.metrics.took(r.Context(), x, f.Answered, x.answer(&f))
	}
}

func (p layer) End(_ *stack.Exchange, state any, f *stack.Facts) {
	x, ok := state.(*exchange)
	if !ok {
		return
	}
	ctx := x.r.Context()
	if x.active != nil {
		x.active.n.Add(-1)
	}
	a := x.answer(f)
	if x.span != nil {
		p.t.end(x, f, a)
	}
	p.t.metrics.record(ctx, x, f, a)
}

func (p layer) Phase() stack.Phase { return stack.Span }

func (p layer) Describe(ledger.Watch) string {
	if p.t.opts.Annotate {
		return "trace: says on the span of the context what became of the connection"
	}
	return "trace: one client span for each exchange"
}
