package trace

import (
	"context"
	"net/http"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"
	"go.opentelemetry.io/otel/trace"

	"github.com/warmconn/warmconn/internal/stack"
)

// start starts the exchange's span, makes it the context's, and injects it. Method and
// original are methodOf's.
func (t *Tracer) start(ctx context.Context, x *exchange, req *http.Request, method, original string, h hints) {
	name := t.name(req, method, original, h.template)
	var span trace.Span
	if t.idle {
		ctx, span = t.tracer.Start(ctx, name)
	} else {
		s := t.scratch()
		attrs := t.startAttributes(s.attrs[:0], x.host, req, method, original, h)
		s.options = [...]trace.SpanStartOption{t.kind, trace.WithAttributes(attrs...)}
		ctx, span = t.tracer.Start(ctx, name, s.options[:]...)
		t.scratches.Put(s)
	}
	injected := false
	defer func() {
		if !injected { // the propagator panicked
			span.End()
		}
	}()
	x.r.SetContext(ctx)
	t.propagator.Inject(ctx, (*carrier)(x))
	injected = true
	x.span = span
	if t.opts.Phases != PhasesOff || t.opts.ConnectionSpans {
		x.span = t.detail(ctx, x.r, span)
	}
}

// startAttributes appends the attributes that samplers may need.
func (t *Tracer) startAttributes(attrs []attribute.KeyValue, to *host, req *http.Request, method, original string, h hints) []attribute.KeyValue {
	resends := h.resends + redirects(req)
	attrs = append(attrs, semconv.HTTPRequestMethodKey.String(method))
	if original != "" {
		attrs = append(attrs, semconv.HTTPRequestMethodOriginal(original))
	}
	if u := req.URL; u != nil {
		attrs = append(attrs, semconv.URLFull(redacted(u, to.origin(u.Host), &t.secret)))
		attrs = append(attrs, to.server...)
	}
	if h.template != "" {
		attrs = append(attrs, semconv.URLTemplate(h.template))
	}
	if resends > 0 {
		attrs = append(attrs, semconv.HTTPRequestResendCount(resends))
	}
	if len(t.requestHeaders) > 0 {
		attrs = t.requestHeaders.add(attrs, req.Header)
	}
	if f := t.opts.RequestAttributes; f != nil {
		attrs = append(attrs, f(req)...)
	}
	return attrs
}

func (t *Tracer) name(req *http.Request, method, original, template string) string {
	if f := t.opts.SpanName; f != nil {
		if name := f(req); name != "" {
			return name
		}
	}
	if original != "" {
		method = "HTTP"
	}
	if template != "" {
		return method + " " + template
	}
	return method
}

// carrier is an exchange for the propagator. It makes the exchange's own header map
// only if something is injected.
type carrier exchange

func (c *carrier) Get(key string) string { return c.r.Request().Header.Get(key) }

func (c *carrier) Set(key, value string) {
	switch key { // to spell them as net/http does takes an allocation
	case "traceparent":
		key = "Traceparent"
	case "tracestate":
		key = "Tracestate"
	case "baggage":
		key = "Baggage"
	default:
		key = http.CanonicalHeaderKey(key)
	}
	values := c.header[:]
	if c.injected {
		values = make([]string, 1)
	}
	c.injected = true
	values[0] = value
	c.r.Header()[key] = values
}

func (c *carrier) Keys() []string {
	keys := make([]string, 0, len(c.r.Request().Header))
	for k := range c.r.Request().Header {
		keys = append(keys, k)
	}
	return keys
}

// redirects is how many led to req: http.Client links each request to the
// response that caused it.
func redirects(req *http.Request) int {
	n := 0
	for resp := req.Response; resp != nil && resp.Request != nil && n < 100; resp = resp.Request.Response {
		n++
	}
	return n
}

// answered writes the attributes of a response that has come.
func (t *Tracer) answered(x *exchange, resp *http.Response) {
	span := x.span
	last := t.opts.EndAtHeaders && !t.opts.Annotate
	if !span.IsRecording() {
		if x.ended = last; last {
			span.End()
		}
		return
	}
	s := t.scratch()
	attrs := t.responseHeaders.add(s.attrs[:0], resp.Header)
	if f := t.opts.ResponseAttributes; f != nil {
		attrs = append(attrs, f(resp)...)
	}
	if t.opts.Annotate || t.opts.EndAtHeaders {
		f := x.r.Facts()
		if last {
			x.ended = true
			defer span.End()
			attrs = x.answer(&f).add(attrs, span, &f)
		}
		attrs = connection(attrs, &f)
		blame(span, &f)
	}
	span.SetAttributes(attrs...)
	t.scratches.Put(s)
}

// end writes the exchange's outcome and ends the span, unless that was done
// when the response came.
func (t *Tracer) end(x *exchange, f *stack.Facts, a *outcomeAttrs) {
	span := x.span
	if d, ok := span.(*connSpan); ok {
		d.finish(f)
	}
	if x.ended {
		return
	}
	// One of our own that is sampled is recorded; to ask takes its lock.
	if (t.opts.Annotate || !span.SpanContext().IsSampled()) && !span.IsRecording() {
		if !t.opts.Annotate {
			span.End()
		}
		return
	}
	s := t.scratch()
	attrs := s.attrs[:0]
	if !t.opts.Annotate {
		attrs = a.add(attrs, span, f)
	}
	if !t.opts.Annotate || f.Answered == 0 {
		attrs = connection(attrs, f)
		blame(span, f)
	}
	attrs = outcome(attrs, f)
	span.SetAttributes(attrs...)
	t.scratches.Put(s)
	switch {
	case t.opts.Annotate:
	case f.Leaked:
		// Not when the collector has found it: that says nothing of the request.
		span.End(trace.WithTimestamp(f.Start.Add(lastActivity(f))))
	default:
		span.End()
	}
}

// lastActivity is when something was last heard of a leaked body, from the start.
func lastActivity(f *stack.Facts) time.Duration { return max(f.LastRead, f.Answered) }

// add appends the attributes that the conventions require at the end.
func (a *outcomeAttrs) add(attrs []attribute.KeyValue, span trace.Span, f *stack.Facts) []attribute.KeyValue {
	if a.class != "" {
		description := ""
		if f.Err != nil && f.Status < 400 { // else the status says it
			// Not the error's own text: it may quote secrets.
			description = a.class
		}
		span.SetStatus(codes.Error, description)
	}
	return append(attrs, a.attrs...)
}

// scratch is where attributes are put together. OpenTelemetry copies the lists that it is
// given, because callers may use them again; a Tracer does use them again, and saves two
// allocations and 2 KB for each span. Its last content is not cleared, which would take longer
// than all else: it is a few strings for each processor.
type scratch struct {
	attrs   [24]attribute.KeyValue
	options [2]trace.SpanStartOption
}

func (t *Tracer) scratch() *scratch {
	if s, ok := t.scratches.Get().(*scratch); ok {
		return s
	}
	return new(scratch)
}
