package trace

import (
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/trace"
)

// scratch is where attributes are put together. Who is given a list of them
// copies what it keeps, for callers may use theirs again; so does a Tracer, and
// saves two allocations and 2 KB for each span.
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

// putAside keeps s for another span. Attrs were put together in it.
func (t *Tracer) putAside(s *scratch, attrs []attribute.KeyValue) {
	clear(s.attrs[:min(len(attrs), len(s.attrs))]) // it must keep nobody's strings
	clear(s.options[:])
	t.scratches.Put(s)
}
