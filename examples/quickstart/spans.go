package main

import (
	"context"
	"maps"
	"sync"

	sdktrace "go.opentelemetry.io/otel/sdk/trace"
)

const (
	newReasonKey  = "warmconn.new_reason"  // why the request's connection was new
	lostReasonKey = "warmconn.lost_reason" // why it did not go back
)

// recorder is a span processor that counts the reasons on the spans that end,
// and keeps the first few spans. A thousand requests shall not cost a thousand
// kept spans.
type recorder struct {
	mu sync.Mutex
	// reasons counts each span once: by why its connection was lost or, if it
	// was not, by why it was new.
	reasons map[string]int
	kept    []sdktrace.ReadOnlySpan
	room    int
}

func newRecorder(keep int) *recorder {
	return &recorder{reasons: make(map[string]int), room: keep}
}

// OnEnd implements sdktrace.SpanProcessor.
func (r *recorder) OnEnd(s sdktrace.ReadOnlySpan) {
	reason := textOf(s, lostReasonKey)
	if reason == "" {
		reason = textOf(s, newReasonKey)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if reason != "" {
		r.reasons[reason]++
	}
	if r.room > 0 {
		r.room--
		r.kept = append(r.kept, s)
	}
}

// OnStart implements sdktrace.SpanProcessor.
func (*recorder) OnStart(context.Context, sdktrace.ReadWriteSpan) {}

// Shutdown implements sdktrace.SpanProcessor.
func (*recorder) Shutdown(context.Context) error { return nil }

// ForceFlush implements sdktrace.SpanProcessor.
func (*recorder) ForceFlush(context.Context) error { return nil }

func (r *recorder) counts() map[string]int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return maps.Clone(r.reasons)
}

func (r *recorder) spans() []sdktrace.ReadOnlySpan {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]sdktrace.ReadOnlySpan(nil), r.kept...)
}

// textOf is a span's attribute as text, "" if the span does not have it.
func textOf(s sdktrace.ReadOnlySpan, key string) string {
	for _, kv := range s.Attributes() {
		if string(kv.Key) == key {
			return kv.Value.String()
		}
	}
	return ""
}
