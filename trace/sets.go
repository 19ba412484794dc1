package trace

import (
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
)

// options are one attribute.Set, which costs four allocations, for each kind of
// instrument.
type options struct {
	record  []metric.RecordOption
	add     []metric.AddOption
	observe []metric.ObserveOption
}

func newOptions(attrs []attribute.KeyValue) options {
	o := metric.WithAttributeSet(attribute.NewSet(attrs...))
	return options{[]metric.RecordOption{o}, []metric.AddOption{o}, []metric.ObserveOption{o}}
}
