package trace

import (
	"maps"
	"sync"
	"sync/atomic"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
)

// actives count the requests under way, to be read at each collection: an
// instrument that is told of each would take half a microsecond a request.
type actives struct {
	all  atomic.Pointer[map[start]*active]
	mu   sync.Mutex // of those who add
	rest *active    // of what is too many
}

type active struct {
	n atomic.Int64
	options
}

// activesMost bounds the series, as OpenTelemetry's SDK does; the rest are one,
// under the name that it has for that.
const activesMost = 2000

// of returns the counter for k. It is the same for as long as the Tracer lives:
// what was added there is taken back there.
func (a *actives) of(k start) *active {
	if m := a.all.Load(); m != nil {
		if c := (*m)[k]; c != nil {
			return c
		}
		if len(*m) >= activesMost {
			return a.rest
		}
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	next := map[start]*active{}
	if m := a.all.Load(); m != nil {
		switch c := (*m)[k]; {
		case c != nil:
			return c
		case len(*m) >= activesMost:
			return a.rest
		}
		next = maps.Clone(*m)
	}
	c := &active{options: newOptions(k.attributes())}
	next[k] = c
	a.all.Store(&next)
	return c
}

func newActives() *actives {
	return &actives{rest: &active{options: newOptions([]attribute.KeyValue{attribute.Bool("otel.metric.overflow", true)})}}
}

// observe reports the counts.
func (a *actives) observe(o metric.Observer, inst metric.Int64Observable) {
	if n := a.rest.n.Load(); n != 0 {
		o.ObserveInt64(inst, n, a.rest.options.observe...)
	}
	if m := a.all.Load(); m != nil {
		for _, c := range *m {
			o.ObserveInt64(inst, c.n.Load(), c.options.observe...)
		}
	}
}
