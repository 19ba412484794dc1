package trace

import (
	"net/http"
	"strconv"
	"strings"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"

	"github.com/warmconn/warmconn/internal/cache"
	"github.com/warmconn/warmconn/internal/ledger"
	"github.com/warmconn/warmconn/internal/stack"
	"github.com/warmconn/warmconn/internal/word"
)

// host is what a Tracer keeps of a host, found once for each exchange.
type host struct {
	key    ledger.Key
	server []attribute.KeyValue // server.address and server.port
	both   [2]attribute.KeyValue
	// The beginning of its URLs without the port and with it; empty if that may
	// need escaping.
	bare, ported spelling
	results      cache.List[resultKey, *outcomeAttrs]
	actives      cache.List[string, *active] // by method
}

// spelling is what a URL says of a host.
type spelling struct{ host, origin string }

// resultKey is what tells the attributes of a request's end apart, of one host.
type resultKey struct {
	status int
	method string // as the conventions have it
	proto  string // as net/http has it
	class  string // of an error that is no status
}

// outcomeAttrs is what all exchanges with one result have in common.
type outcomeAttrs struct {
	measured
	attrs []attribute.KeyValue // of the span
	room  [3]attribute.KeyValue
	class string // error.type
}

// newHost is of the host whose Key and Name these are.
func newHost(k ledger.Key, name string) *host {
	h := &host{key: k}
	h.server = appendHost(h.both[:0], k)
	h.server = h.server[:len(h.server):len(h.server)]
	if k.Scheme != "" && k.Host != "" && plain(k.Host) && !strings.Contains(k.Host, ":") {
		origin := len(k.Scheme) + len("://")
		h.bare = spelling{k.Host, name[:origin+len(k.Host)]}
		if k.Port != "" {
			h.ported = spelling{name[origin:], name}
		}
	}
	return h
}

func hostAttributes(k ledger.Key) []attribute.KeyValue {
	return appendHost(make([]attribute.KeyValue, 0, 6), k)
}

func appendHost(attrs []attribute.KeyValue, k ledger.Key) []attribute.KeyValue {
	attrs = append(attrs, semconv.ServerAddress(k.Host))
	if port, err := strconv.Atoi(k.Port); err == nil {
		attrs = append(attrs, semconv.ServerPort(port))
	}
	return attrs
}

// methodOf returns the method as the conventions want it, and the original if
// that is another one: a short word, for its length and characters are the caller's.
func methodOf(m string) (method, original string) {
	switch m {
	case "":
		return http.MethodGet, "" // net/http's default
	case http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch,
		http.MethodDelete, http.MethodConnect, http.MethodOptions, http.MethodTrace, "QUERY":
		return m, ""
	default:
		return "_OTHER", word.Of(m)
	}
}

func (t *Tracer) host(s *stack.Target) *host {
	if kept, ok := s.Kept.Get(t); ok {
		return kept.(*host)
	}
	h := t.hosts.Of(s.Key, func(k ledger.Key) *host { return newHost(k, s.Name) })
	s.Kept.Set(t, h)
	return h
}

// answer returns the attributes of an exchange that came to f.
func (x *exchange) answer(f *stack.Facts) *outcomeAttrs {
	method, _ := methodOf(f.Method) // those that are not known have one result
	k := resultKey{f.Status, method, f.Proto, ""}
	if k.status < 400 && (f.Err != nil || f.TimedOut) {
		k.class = errorType(f)
	}
	return x.host.answer(k)
}

func (h *host) answer(k resultKey) *outcomeAttrs {
	if a, ok := h.results.Get(k); ok {
		return a
	}
	return h.results.Set(k, newAnswer(k, h))
}

func newAnswer(k resultKey, h *host) *outcomeAttrs {
	a := &outcomeAttrs{class: k.class}
	a.attrs = a.room[:0]
	if k.status > 0 {
		a.attrs = append(a.attrs, semconv.HTTPResponseStatusCode(k.status))
	}
	if v := version(k.proto); v != "" {
		a.attrs = append(a.attrs, semconv.NetworkProtocolVersion(v))
	}
	if k.status >= 400 {
		a.class = strconv.Itoa(k.status)
	}
	if a.class != "" {
		a.attrs = append(a.attrs, semconv.ErrorTypeKey.String(a.class))
	}
	all := make([]attribute.KeyValue, 0, 6)
	a.measured = newOptions(append(append(append(all, h.server...), a.attrs...), semconv.HTTPRequestMethodKey.String(k.method)))
	return a
}

// version turns "HTTP/1.1" into "1.1", and "HTTP/2.0" into "2".
func version(proto string) string {
	switch v := strings.TrimPrefix(proto, "HTTP/"); v {
	case "2.0":
		return "2"
	case "3.0":
		return "3"
	case "1.1", "1.0":
		return v
	default:
		return word.Of(v) // somebody else's base may say anything
	}
}

// active returns what counts the requests to h with that method, as methodOf has it.
func (m *devMetrics) active(h *host, method string) *active {
	if a, ok := h.actives.Get(method); ok {
		return a
	}
	return h.actives.Set(method, m.actives.of(activeKey{h.key, method}))
}

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
