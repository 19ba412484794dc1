package trace

import (
	"slices"
	"strconv"
	"sync"
	"sync/atomic"

	"go.opentelemetry.io/otel/attribute"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"

	"github.com/warmconn/warmconn/internal/ledger"
)

// host is what a Tracer keeps of a host, found once for each exchange.
type host struct {
	key     ledger.Key
	server  []attribute.KeyValue // server.address and server.port
	results few[result, *options]
	actives few[string, *active] // by method
}

// result returns the options for a request's duration.
func (h *host) result(k result) *options {
	if o, ok := h.results.find(k); ok {
		return o
	}
	return h.results.add(k, newOptions(k.attributes(h.server)))
}

// active returns what counts the requests to h with that method.
func (m *more) active(h *host, method string) *active {
	method, _ = methodOf(method)
	if a, ok := h.actives.find(method); ok {
		return a
	}
	return h.actives.add(method, m.actives.of(start{h.key, method}))
}

func (t *Tracer) host(k ledger.Key) *host { return t.hosts.of(k, newHost) }

func newHost(k ledger.Key) *host { return &host{key: k, server: slices.Clip(hostAttributes(k))} }

func hostAttributes(k ledger.Key) []attribute.KeyValue {
	attrs := append(make([]attribute.KeyValue, 0, 6), semconv.ServerAddress(k.Host))
	if port, err := strconv.Atoi(k.Port); err == nil {
		attrs = append(attrs, semconv.ServerPort(port))
	}
	return attrs
}

// fewMost is how many a few keeps before it begins anew.
const fewMost = 32

// few is a cache of what is mostly one or two: to look at each is faster than to
// hash. Reading takes no lock.
type few[K comparable, V any] struct {
	all atomic.Pointer[[]pair[K, V]]
	mu  sync.Mutex // of those who add
}

type pair[K comparable, V any] struct {
	key   K
	value V
}

// add makes v the value for k, unless there is one; it returns what it is.
func (c *few[K, V]) add(k K, v V) V {
	c.mu.Lock()
	defer c.mu.Unlock()
	if v, ok := c.find(k); ok {
		return v
	}
	var next []pair[K, V]
	if all := c.all.Load(); all != nil && len(*all) < fewMost {
		next = slices.Clone(*all)
	}
	next = append(next, pair[K, V]{k, v})
	c.all.Store(&next)
	return v
}

func (c *few[K, V]) find(k K) (v V, ok bool) {
	if all := c.all.Load(); all != nil {
		for i := range *all {
			if p := &(*all)[i]; p.key == k {
				return p.value, true
			}
		}
	}
	return v, false
}
