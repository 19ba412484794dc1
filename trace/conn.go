package trace

import (
	"time"

	"go.opentelemetry.io/contrib/instrumentation/net/http/httptrace/otelhttptrace"
	"go.opentelemetry.io/otel/attribute"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"
	"go.opentelemetry.io/otel/trace"

	"github.com/warmconn/warmconn/internal/ledger"
	"github.com/warmconn/warmconn/internal/stack"
)

// The kit's own attributes. Times are in seconds.
const (
	newReasonKey    = attribute.Key("warmconn.new_reason")
	lostReasonKey   = attribute.Key("warmconn.lost_reason")
	connIDKey       = attribute.Key("warmconn.conn_id")
	connAgeKey      = attribute.Key("warmconn.conn_age")
	connUsesKey     = attribute.Key("warmconn.conn_uses")
	poolWaitKey     = attribute.Key("warmconn.pool_wait")
	connWaitKey     = attribute.Key("warmconn.conn_wait")
	outcomeKey      = attribute.Key("warmconn.outcome")
	bytesDrainedKey = attribute.Key("warmconn.bytes_drained")
	drainTimeKey    = attribute.Key("warmconn.drain_time")
	leakedKey       = attribute.Key("warmconn.leaked")

	// Only on metrics.
	phaseKey = attribute.Key("warmconn.setup.phase")
)

// waitMin is the least wait for a connection that is worth an attribute: net/http
// takes that long to look into its own list.
const waitMin = 100 * time.Microsecond

// waited reports whether the exchange waited for its connection. An idle one was there at
// once, even if the exchange's goroutine ran late.
func waited(f *stack.Facts) bool { return f.ConnWait >= waitMin && !f.WasIdle }

// connection appends the facts of the connection that are known when it was given.
func connection(attrs []attribute.KeyValue, f *stack.Facts) []attribute.KeyValue {
	if f.PoolWait > 0 {
		attrs = append(attrs, poolWaitKey.Float64(f.PoolWait.Seconds()))
	}
	if waited(f) {
		attrs = append(attrs, connWaitKey.Float64(f.ConnWait.Seconds()))
	}
	if f.Held == nil {
		return attrs
	}
	attrs = peer(attrs, f.Held)
	attrs = append(attrs,
		otelhttptrace.HTTPConnectionReused.Bool(f.Reused),
		otelhttptrace.HTTPConnectionWasIdle.Bool(f.WasIdle),
		connIDKey.Int64(int64(f.ConnID))) // #nosec G115 -- an ID counts from 1
	if f.WasIdle {
		attrs = append(attrs, otelhttptrace.HTTPConnectionIdleTime.String(f.IdleTime.String()))
	}
	if f.ConnUses > 0 {
		attrs = append(attrs, connUsesKey.Int(f.ConnUses))
	}
	if f.Reused && f.ConnAge > 0 {
		attrs = append(attrs, connAgeKey.Float64(f.ConnAge.Seconds()))
	}
	if f.New != nil && f.New.Reason != ledger.None {
		attrs = append(attrs, newReasonKey.String(f.New.Reason.String()))
	}
	return attrs
}

// peer appends the address of the connection's other end.
func peer(attrs []attribute.KeyValue, c *ledger.NetConn) []attribute.KeyValue {
	p := c.Peer()
	if p.Host == "" {
		return attrs
	}
	attrs = append(attrs, semconv.NetworkPeerAddress(p.Host))
	if p.Port > 0 {
		attrs = append(attrs, semconv.NetworkPeerPort(p.Port))
	}
	return attrs
}

// outcome appends the outcomes of the body and of the connection.
func outcome(attrs []attribute.KeyValue, f *stack.Facts) []attribute.KeyValue {
	attrs = append(attrs, outcomeKey.String(f.Outcome.String()))
	if f.LostReason != ledger.None {
		attrs = append(attrs, lostReasonKey.String(f.LostReason.String()))
	}
	if d := f.Drain; d != nil {
		if d.Bytes > 0 {
			attrs = append(attrs, bytesDrainedKey.Int64(d.Bytes))
		}
		if d.Time > 0 {
			attrs = append(attrs, drainTimeKey.Float64(d.Time.Seconds()))
		}
	}
	if f.Leaked {
		attrs = append(attrs, leakedKey.Bool(true))
	}
	return attrs
}

// blame links the span to the exchange that cost it a connection.
func blame(span trace.Span, f *stack.Facts) {
	if f.New == nil || f.New.Culprit.SpanID == [8]byte{} || f.New.Culprit.SpanID == span.SpanContext().SpanID() {
		return // with Annotate, one span may stand for several
	}
	span.AddLink(trace.Link{
		SpanContext: contextOf(f.New.Culprit.Span),
		Attributes:  []attribute.KeyValue{newReasonKey.String(f.New.Reason.String())},
	})
}
