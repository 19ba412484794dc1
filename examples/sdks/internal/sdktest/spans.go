package sdktest

import (
	"context"
	"fmt"
	"sync"

	"go.opentelemetry.io/otel/propagation"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	oteltrace "go.opentelemetry.io/otel/trace"
)

// caller is the scope of the spans that the harness starts for each call.
const caller = "caller"

// recorder is a span processor that keeps spans.
type recorder struct {
	mu      sync.Mutex
	started int
	ended   []sdktrace.ReadOnlySpan
}

// OnStart implements sdktrace.SpanProcessor.
func (r *recorder) OnStart(context.Context, sdktrace.ReadWriteSpan) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.started++
}

// OnEnd implements sdktrace.SpanProcessor.
func (r *recorder) OnEnd(s sdktrace.ReadOnlySpan) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.ended = append(r.ended, s)
}

// Shutdown implements sdktrace.SpanProcessor.
func (*recorder) Shutdown(context.Context) error { return nil }

// ForceFlush implements sdktrace.SpanProcessor.
func (*recorder) ForceFlush(context.Context) error { return nil }

// allEnded reports whether no span is open.
func (r *recorder) allEnded() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.started == len(r.ended)
}

// reasons counts the reasons why connections were new.
func (r *recorder) reasons() map[string]int {
	r.mu.Lock()
	defer r.mu.Unlock()
	reasons := make(map[string]int)
	for _, span := range r.ended {
		for _, kv := range span.Attributes() {
			if kv.Key == "warmconn.new_reason" {
				reasons[kv.Value.AsString()]++
			}
		}
	}
	return reasons
}

// Spans says what is special about the spans of an SDK.
type Spans struct {
	// Above is the scope of an instrumentation that stands above the kit: its span is
	// the kit's parent, and the caller's its own. With Annotate it is the one that
	// has the kit's attributes, and there is no other.
	Above    string
	Annotate bool
	// Below is the scope of one that stands below: its traceparent is on the wire,
	// and the kit's span its parent.
	Below string
	// Several says that the kit stands above a retrier: several requests have one span.
	Several bool
	// Orphans says that the SDK makes requests that are not the caller's: logging in, pinging. Their
	// spans need no parent.
	Orphans bool
}

// check compares the spans with the requests that came. What it returns is what is wrong.
func (s Spans) check(r *recorder, wire []string) []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	var wrong []string
	add := func(format string, args ...any) { wrong = append(wrong, fmt.Sprintf(format, args...)) }
	if open := r.started - len(r.ended); open != 0 {
		add("%d spans never ended", open)
	}
	const scope = "github.com/warmconn/warmconn/trace"
	onWire := scope
	switch {
	case s.Annotate:
		onWire = s.Above
	case s.Below != "":
		onWire = s.Below
	}
	byID := make(map[oteltrace.SpanID]sdktrace.ReadOnlySpan)
	for _, span := range r.ended {
		byID[span.SpanContext().SpanID()] = span
	}
	// parent says whose child a span is: the scope of its parent.
	parent := func(span sdktrace.ReadOnlySpan) string {
		p, ok := byID[span.Parent().SpanID()]
		if !ok || p.SpanContext().TraceID() != span.SpanContext().TraceID() {
			return "nothing"
		}
		return p.InstrumentationScope().Name
	}
	want := map[string]string{scope: caller}
	if s.Above != "" {
		want[s.Above], want[scope] = caller, s.Above
	}
	if s.Below != "" {
		want[s.Below] = scope
	}
	requests := make(map[oteltrace.SpanID]int)
	for _, header := range wire {
		ctx := propagator.Extract(context.Background(), propagation.MapCarrier{"traceparent": header})
		id := oteltrace.SpanContextFromContext(ctx).SpanID()
		if span, ok := byID[id]; !ok {
			add("a request came with the traceparent %q, which is no span's", header)
		} else if got := span.InstrumentationScope().Name; got != onWire {
			add("a request came with the traceparent of %s of %s, want of %s", span.Name(), got, onWire)
		}
		requests[id]++
	}
	var others int
	for id, span := range byID {
		from := span.InstrumentationScope().Name
		if from == caller {
			continue
		}
		if want[from] == "" || s.Annotate && from == scope {
			add("there is a span %s of %s", span.Name(), from)
			continue
		}
		if got := parent(span); got != want[from] && !(s.Orphans && got == "nothing") {
			add("%s of %s has %s as parent, want %s", span.Name(), from, got, want[from])
		}
		if from != onWire {
			others++
			continue
		}
		switch n := requests[id]; {
		case n == 0:
			add("the span %s has no request that came: %v", span.Name(), span.Attributes())
		case n > 1 && !s.Several:
			add("the span %s has %d requests", span.Name(), n)
		}
		if s.Annotate && !has(span, "http.conn.reused") {
			add("%s of %s does not say whether its connection was reused: %v", span.Name(), from, span.Attributes())
		}
	}
	if onWire != scope && !s.Annotate && others == 0 {
		add("the kit has no spans")
	}
	return wrong
}

func has(span sdktrace.ReadOnlySpan, key string) bool {
	for _, kv := range span.Attributes() {
		if string(kv.Key) == key {
			return true
		}
	}
	return false
}
