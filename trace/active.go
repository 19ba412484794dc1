package trace

import (
	"maps"
	"slices"
	"sync"
	"sync/atomic"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"

	"github.com/warmconn/warmconn/internal/ledger"
)

// actives count the requests under way, to be read at each collection: an
// instrument that is told of each would take half a microsecond a request.
type actives struct {
	mu   sync.Mutex
	all  map[activeKey]*active // guarded by mu: a caller keeps the answer
	rest *active               // of keys beyond the bound
}

type active struct {
	n atomic.Int64
	measured
}

// activeKey identifies a series of requests under way.
type activeKey struct {
	host   ledger.Key
	method string
}

func (s activeKey) attributes() []attribute.KeyValue {
	return append(hostAttributes(s.host), semconv.HTTPRequestMethodKey.String(s.method))
}

// activesMost bounds the series, as OpenTelemetry's SDK does; the rest are one,
// under the name that it has for that.
const activesMost = 2000

// of returns the counter for k. It is the same for as long as the Tracer lives, so that a
// request is added and taken off in one place.
func (a *actives) of(k activeKey) *active {
	a.mu.Lock()
	defer a.mu.Unlock()
	switch c := a.all[k]; {
	case c != nil:
		return c
	case len(a.all) >= activesMost:
		return a.rest
	}
	c := &active{measured: newOptions(k.attributes())}
	a.all[k] = c
	return c
}

func newActives() *actives {
	return &actives{all: make(map[activeKey]*active), rest: &active{measured: newOptions([]attribute.KeyValue{attribute.Bool("otel.metric.overflow", true)})}}
}

// observe reports the counts.
func (a *actives) observe(o metric.Observer, inst metric.Int64Observable) {
	if n := a.rest.n.Load(); n != 0 {
		o.ObserveInt64(inst, n, a.rest.measured.observe...)
	}
	a.mu.Lock()
	all := slices.Collect(maps.Values(a.all))
	a.mu.Unlock()
	for _, c := range all {
		o.ObserveInt64(inst, c.n.Load(), c.measured.observe...)
	}
}
