package trace

import (
	"context"
	"crypto/tls"
	"net/http/httptrace"
	"strings"
	"time"

	"go.opentelemetry.io/otel/attribute"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"
	"go.opentelemetry.io/otel/trace"

	"github.com/warmconn/warmconn/internal/ledger"
	"github.com/warmconn/warmconn/internal/stack"
)

// linkKey says what a link is for, where it does not name a culprit.
const linkKey = attribute.Key("warmconn.link")

// connSpan is the span of an exchange with spans around it.
type connSpan struct {
	trace.Span
	t      *Tracer
	r      *stack.Exchange
	ctx    context.Context // the span's
	phases *phases         // nil if they are off
}

// detail adds the hooks that Options asks for to a span that is recorded. Ctx is the span's.
func (t *Tracer) detail(ctx context.Context, r *stack.Exchange, span trace.Span) trace.Span {
	if !span.IsRecording() {
		return span
	}
	d := &connSpan{Span: span, t: t, r: r, ctx: ctx}
	if t.opts.Phases != PhasesOff {
		d.phases = &phases{TracerProvider: span.TracerProvider()}
		ctx = httptrace.WithClientTrace(ctx, d.phases.hooks(d.ctx, &t.opts))
	}
	if t.opts.ConnectionSpans {
		ctx = httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{GotConn: d.gotConn})
	}
	r.SetContext(ctx)
	return d
}

// gotConn writes the spans of the connection that the exchange was given, in
// .NET's model. They are over by then: so each is started and ended at once, with
// its own times.
func (d *connSpan) gotConn(httptrace.GotConnInfo) {
	now := time.Now()
	f := d.r.Facts()
	if f.ConnID == 0 {
		return
	}
	d.writeWait(&f, now)
	setup := f.ConnSpan
	if setup == nil && f.New != nil {
		s := d.writeSetup(&f, now)
		d.r.SetConnSpan(s)
		setup = &s
	}
	if setup == nil {
		return
	}
	if sc := contextOf(*setup); sc.IsValid() {
		d.AddLink(trace.Link{SpanContext: sc, Attributes: []attribute.KeyValue{linkKey.String("connection_setup")}})
	}
}

// writeWait writes a span for the wait, if there was one worth it.
func (d *connSpan) writeWait(f *stack.Facts, now time.Time) {
	began := now.Add(-f.ConnWait)
	if f.PoolWait > 0 {
		began = f.Start
	} else if !waited(f) {
		return
	}
	_, span := d.t.tracer.Start(d.ctx, "wait_for_connection", trace.WithTimestamp(began))
	span.End(trace.WithTimestamp(now))
}

// writeSetup writes the spans of a new connection's making. The root one is of a trace
// of its own: the connection serves others, too.
func (d *connSpan) writeSetup(f *stack.Facts, now time.Time) ledger.Span {
	began := f.New.Dialed
	if began.IsZero() {
		began = now.Add(-f.ConnWait)
	}
	key := d.r.Target().Key
	attrs := append(hostAttributes(key), semconv.URLScheme(key.Scheme))
	attrs = append(peer(attrs, f.Held), connIDKey.Int64(int64(f.ConnID))) // #nosec G115 -- an ID counts from 1
	attrs = handshake(attrs, f.Held)
	ctx, root := d.t.tracer.Start(context.Background(), "connection_setup",
		trace.WithNewRoot(), trace.WithTimestamp(began), trace.WithAttributes(attrs...))
	at := began
	for _, part := range [...]struct {
		name string
		took time.Duration
	}{{"dns", f.New.Setup.DNS}, {"connect", f.New.Setup.Connect}, {"tls", f.New.Setup.TLS}} {
		if part.took <= 0 {
			continue
		}
		_, span := d.t.tracer.Start(ctx, part.name, trace.WithTimestamp(at))
		at = at.Add(part.took)
		span.End(trace.WithTimestamp(at))
	}
	if f.WasIdle {
		now = at // it was made before, by Warm say, and has lain idle since
	}
	root.End(trace.WithTimestamp(now))
	return spanOf(root.SpanContext())
}

// handshake appends the facts of the connection's TLS handshake, if there was one.
func handshake(attrs []attribute.KeyValue, c *ledger.NetConn) []attribute.KeyValue {
	t := c.TLS()
	v, ok := strings.CutPrefix(tls.VersionName(t.Version), "TLS ")
	if !ok {
		return attrs
	}
	return append(attrs, semconv.TLSProtocolNameTLS, semconv.TLSProtocolVersion(v), semconv.TLSResumed(t.Resumed))
}

// finish ends the hooks and spans that were begun around the span. For an exchange that waited and got
// no connection, the wait is all there was.
func (d *connSpan) finish(f *stack.Facts) {
	if d.phases != nil {
		d.phases.end()
	}
	if d.t.opts.ConnectionSpans && f.ConnID == 0 && f.Err != nil {
		d.writeWait(&stack.Facts{Start: f.Start, PoolWait: max(f.PoolWait, 1)}, f.Start.Add(f.Duration))
	}
}
