package trace

import (
	"net/http"

	"go.opentelemetry.io/contrib/instrumentation/net/http/httptrace/otelhttptrace"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"
	"go.opentelemetry.io/otel/trace"

	"github.com/warmconn/warmconn/internal/record"
)

// The kit's own attributes.
const (
	newReasonKey    = attribute.Key("warmconn.new_reason")
	lostReasonKey   = attribute.Key("warmconn.lost_reason")
	outcomeKey      = attribute.Key("warmconn.outcome")
	bytesDrainedKey = attribute.Key("warmconn.bytes_drained")
	leakedKey       = attribute.Key("warmconn.leaked")
)

// start starts the span, makes it the context's, and injects it.
func (t *Tracer) start(r *record.Record) trace.Span {
	req := r.Request()
	method, original := methodOf(req.Method)
	name := method
	if original != "" {
		name = "HTTP"
	}
	var buf [8]attribute.KeyValue
	attrs := append(buf[:0], semconv.HTTPRequestMethodKey.String(method))
	if original != "" {
		attrs = append(attrs, semconv.HTTPRequestMethodOriginal(original))
	}
	if req.URL != nil {
		attrs = append(attrs, semconv.URLFull(redacted(req.URL)), semconv.ServerAddress(req.URL.Hostname()))
		if port := portOf(req.URL); port > 0 {
			attrs = append(attrs, semconv.ServerPort(port))
		}
	}
	if n := resends(req); n > 0 {
		attrs = append(attrs, semconv.HTTPRequestResendCount(n))
	}
	ctx, span := t.tracer.Start(r.Context(), name,
		trace.WithSpanKind(trace.SpanKindClient), trace.WithAttributes(attrs...))
	r.SetContext(ctx)
	if sc := span.SpanContext(); sc.IsValid() {
		r.SetSpan(sc.TraceID(), sc.SpanID())
	}
	t.propagator.Inject(ctx, carrier{r})
	return span
}

// carrier makes the record's own header map only if something is injected.
type carrier struct{ r *record.Record }

func (c carrier) Get(key string) string { return c.r.Request().Header.Get(key) }

func (c carrier) Set(key, value string) { c.r.Header().Set(key, value) }

func (c carrier) Keys() []string {
	keys := make([]string, 0, len(c.r.Request().Header))
	for k := range c.r.Request().Header {
		keys = append(keys, k)
	}
	return keys
}

// resends is how many redirects led to req: http.Client links each request to
// the response that caused it.
func resends(req *http.Request) int {
	n := 0
	for resp := req.Response; resp != nil && resp.Request != nil && n < 100; resp = resp.Request.Response {
		n++
	}
	return n
}

// end writes what came of the exchange and ends the span.
func (t *Tracer) end(r *record.Record, span trace.Span, f record.Facts) {
	defer span.End()
	if !span.IsRecording() {
		return
	}
	var buf [16]attribute.KeyValue
	attrs := append(buf[:0], outcomeKey.String(string(f.Outcome)))
	if f.Status > 0 {
		attrs = append(attrs, semconv.HTTPResponseStatusCode(f.Status))
	}
	if v := version(f.Proto); v != "" {
		attrs = append(attrs, semconv.NetworkProtocolVersion(v))
	}
	if class := errorType(f); class != "" {
		attrs = append(attrs, semconv.ErrorTypeKey.String(class))
		description := ""
		if f.Err != nil {
			// Not the error's own text: it may quote what must not be written.
			description = class
		}
		span.SetStatus(codes.Error, description)
	}
	if f.Conn != nil {
		attrs = connection(attrs, f)
	}
	if f.BytesDrained > 0 {
		attrs = append(attrs, bytesDrainedKey.Int64(f.BytesDrained))
	}
	if f.Leaked {
		attrs = append(attrs, leakedKey.Bool(true))
	}
	span.SetAttributes(attrs...)
	if f.NewReason != "" && f.Culprit.SpanID != [8]byte{} {
		span.AddLink(trace.Link{
			SpanContext: trace.NewSpanContext(trace.SpanContextConfig{
				TraceID: f.Culprit.TraceID, SpanID: f.Culprit.SpanID, TraceFlags: span.SpanContext().TraceFlags(),
			}),
			Attributes: []attribute.KeyValue{newReasonKey.String(string(f.NewReason))},
		})
	}
}

// connection appends what there is to say of the connection.
func connection(attrs []attribute.KeyValue, f record.Facts) []attribute.KeyValue {
	if host, port := peer(f.Conn.RemoteAddr()); host != "" {
		attrs = append(attrs, semconv.NetworkPeerAddress(host))
		if port > 0 {
			attrs = append(attrs, semconv.NetworkPeerPort(port))
		}
	}
	attrs = append(attrs,
		otelhttptrace.HTTPConnectionReused.Bool(f.Reused),
		otelhttptrace.HTTPConnectionWasIdle.Bool(f.WasIdle))
	if f.WasIdle {
		attrs = append(attrs, otelhttptrace.HTTPConnectionIdleTime.String(f.IdleTime.String()))
	}
	if f.NewReason != "" {
		attrs = append(attrs, newReasonKey.String(string(f.NewReason)))
	}
	if f.LostReason != "" {
		attrs = append(attrs, lostReasonKey.String(string(f.LostReason)))
	}
	return attrs
}
