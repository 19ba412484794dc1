package trace

import (
	"maps"
	"sync"
	"sync/atomic"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
)

const (
	// cacheMost bounds what one cache keeps.
	cacheMost = 256
	// cacheMisses is how many were asked for in vain, of a cache that is full,
	// before it begins anew: what it holds may be of hosts that are gone.
	cacheMisses = 4 * cacheMost
)

// cache keeps what is made anew for most requests and is the same for them: of a
// host, and an attribute.Set, which costs four allocations. Reading takes no lock.
type cache[K comparable, V any] struct {
	all    atomic.Pointer[map[K]V]
	missed atomic.Int64
	mu     sync.Mutex // of those who add
}

// of returns the value for k, which is what made says.
func (c *cache[K, V]) of(k K, made func(K) V) V {
	if m := c.all.Load(); m != nil {
		if v, ok := (*m)[k]; ok {
			return v
		}
	}
	v := made(k)
	if m := c.all.Load(); m != nil && len(*m) >= cacheMost && c.missed.Add(1) < cacheMisses {
		return v
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	next := make(map[K]V)
	if m := c.all.Load(); m != nil && len(*m) < cacheMost {
		if v, ok := (*m)[k]; ok {
			return v // another was faster
		}
		maps.Copy(next, *m)
	}
	c.missed.Store(0)
	next[k] = v
	c.all.Store(&next)
	return v
}

// options are one attribute.Set, for each kind of instrument.
type options struct {
	record  []metric.RecordOption
	add     []metric.AddOption
	observe []metric.ObserveOption
}

func newOptions(attrs []attribute.KeyValue) *options {
	o := metric.WithAttributeSet(attribute.NewSet(attrs...))
	return &options{[]metric.RecordOption{o}, []metric.AddOption{o}, []metric.ObserveOption{o}}
}
