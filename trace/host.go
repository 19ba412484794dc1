package trace

import (
	"slices"
	"strconv"

	"go.opentelemetry.io/otel/attribute"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"

	"github.com/warmconn/warmconn/internal/cache"
	"github.com/warmconn/warmconn/internal/ledger"
	"github.com/warmconn/warmconn/internal/record"
)

// host is what a Tracer keeps of a host, found once for each exchange.
type host struct {
	key     ledger.Key
	server  []attribute.KeyValue // server.address and server.port
	results cache.List[result, *options]
	actives cache.List[string, *active] // by method
}

func newHost(k ledger.Key) *host { return &host{key: k, server: slices.Clip(hostAttributes(k))} }

func hostAttributes(k ledger.Key) []attribute.KeyValue {
	attrs := append(make([]attribute.KeyValue, 0, 6), semconv.ServerAddress(k.Host))
	if port, err := strconv.Atoi(k.Port); err == nil {
		attrs = append(attrs, semconv.ServerPort(port))
	}
	return attrs
}

func (t *Tracer) host(s *record.Site) *host {
	if h, ok := s.Kept(t).(*host); ok {
		return h
	}
	h := t.hosts.Of(s.Key(), newHost)
	s.Keep(t, h)
	return h
}

// result returns the options for a request's duration.
func (h *host) result(k result) *options {
	if o, ok := h.results.Get(k); ok {
		return o
	}
	return h.results.Set(k, newOptions(k.attributes(h.server)))
}

// active returns what counts the requests to h with that method.
func (m *more) active(h *host, method string) *active {
	method, _ = methodOf(method)
	if a, ok := h.actives.Get(method); ok {
		return a
	}
	return h.actives.Set(method, m.actives.of(start{h.key, method}))
}
