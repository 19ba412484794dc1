package trace

import (
	"maps"
	"sync"
	"sync/atomic"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
)

const (
	// setsMost bounds the sets that one instrument's cache keeps.
	setsMost = 256
	// setsMisses is how many were asked for in vain, of a cache that is full,
	// before it begins anew: what it holds may be of hosts that are gone.
	setsMisses = 4 * setsMost
)

// sets keeps the options that an instrument is given, by what its attributes are
// made of: an attribute.Set costs four allocations and is the same for most
// requests. Reading takes no lock.
type sets[K comparable] struct {
	all    atomic.Pointer[map[K]*options]
	mu     sync.Mutex // of those who add
	missed int
}

// options are one set, for each kind of instrument.
type options struct {
	record  []metric.RecordOption
	add     []metric.AddOption
	observe []metric.ObserveOption
}

func newOptions(attrs []attribute.KeyValue) *options {
	o := metric.WithAttributeSet(attribute.NewSet(attrs...))
	return &options{[]metric.RecordOption{o}, []metric.AddOption{o}, []metric.ObserveOption{o}}
}

// of returns the options for k, whose attributes are what attrs says.
func (s *sets[K]) of(k K, attrs func(K) []attribute.KeyValue) *options {
	if m := s.all.Load(); m != nil {
		if o := (*m)[k]; o != nil {
			return o
		}
	}
	o := newOptions(attrs(k))
	s.mu.Lock()
	defer s.mu.Unlock()
	var next map[K]*options
	switch m := s.all.Load(); {
	case m == nil:
		next = make(map[K]*options)
	case len(*m) < setsMost:
		next = maps.Clone(*m)
	default:
		if s.missed++; s.missed < setsMisses {
			return o
		}
		s.missed = 0
		next = make(map[K]*options)
	}
	next[k] = o
	s.all.Store(&next)
	return o
}
