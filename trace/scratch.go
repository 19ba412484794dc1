package trace

import (
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/trace"
)

// scratch is where attributes are put together. Who is given a list of them
// copies what it keeps, for callers may use theirs again; so does a Tracer, and
// saves two allocations and 2 KB for each span. What was in it last is not cleared,
// which would take longer than the rest: it is a few strings for each processor.
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
