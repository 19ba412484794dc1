package trace

import (
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
)

// measured are one attribute.Set, which costs three allocations, for each kind of
// instrument.
type measured struct {
	record  []metric.RecordOption
	add     []metric.AddOption
	observe []metric.ObserveOption
}

func newOptions(attrs []attribute.KeyValue) measured {
	o := metric.WithAttributeSet(attribute.NewSet(attrs...))
	all := &struct { // one allocation
		record  [1]metric.RecordOption
		add     [1]metric.AddOption
		observe [1]metric.ObserveOption
	}{[1]metric.RecordOption{o}, [1]metric.AddOption{o}, [1]metric.ObserveOption{o}}
	return measured{all.record[:], all.add[:], all.observe[:]}
}
