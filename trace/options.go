package trace

import (
	"net/http"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"
)

// Options configures a Tracer. The zero value is right for most programs.
// Functions must be safe for concurrent use and must not change their arguments;
// nil ones are skipped.
type Options struct {
	// TracerProvider makes the spans. Nil means the global one, also if it is
	// set after New.
	TracerProvider trace.TracerProvider
	// MeterProvider makes the metrics. Nil means the global one, also if it is
	// set after New.
	MeterProvider metric.MeterProvider
	// Propagator injects the span's context into the request. Nil means the
	// global one, also if it is set after New.
	Propagator propagation.TextMapPropagator

	// ScopeName and ScopeVersion are the instrumentation scope of spans and
	// metrics, for an SDK that puts its own name there. Empty means this
	// package's, without a version.
	ScopeName, ScopeVersion string

	// StableOnly leaves of the metrics http.client.request.duration alone: those
	// in development and the kit's own are not written.
	StableOnly bool
	// PeerAddress puts network.peer.address on the metrics of connections, which
	// multiplies their series by the addresses of each host. It needs pool.
	PeerAddress bool

	// Annotate makes no span and injects nothing: the connection's facts go onto the span
	// that the request's context has, if that is recording: otelhttp's, Datadog's through
	// OpenTelemetry, an SDK's own. If that span ends before the body is closed, as otelhttp's
	// may, it has only the facts that are known when the response comes. Only the kit's own
	// metrics and the ones of connections are written: the middleware that makes the span
	// has the others. Phases, ConnectionSpans, EndAtHeaders, SpanName, RequestAttributes and
	// RequestHeaders have no effect then.
	Annotate bool
	// EndAtHeaders ends the span, and the duration in metrics, when the response
	// has come, instead of when its body has ended. Then the span tells neither how the
	// body ended nor whether the connection was kept.
	EndAtHeaders bool

	// Phases writes the phases of a request, DNS to the last byte, through
	// otelhttptrace; errors by their class, as in error.type, and 1xx responses
	// other than 100 only where the request's context has a Got1xxResponse, for with
	// one net/http sets no limit to them. Zero means none.
	Phases Phases
	// PhaseHeaders has them name the request's headers, with their values but for
	// those of Authorization, Proxy-Authorization, Cookie and Referer. A key in a
	// header of another name is shown.
	PhaseHeaders bool
	// ConnectionSpans writes how connections were made, in the way of .NET: for
	// each new one a span connection_setup in a trace of its own, with dns, connect
	// and tls below it, and a link to it from each request that the connection
	// serves; what TLS has shown is on it, tls.protocol.version and whether a session was
	// resumed, tls.resumed; and wait_for_connection below a request that waited for the pool
	// or for a connection. A dial that fails has the latter only.
	ConnectionSpans bool

	// Skip says which requests have no span and no metrics. What their connections do is counted.
	Skip func(*http.Request) bool
	// SpanName is the span's name; empty means the usual one. It must be of low
	// cardinality: a path is not.
	SpanName func(*http.Request) string
	// RequestAttributes are added at the span's start, for samplers too.
	RequestAttributes func(*http.Request) []attribute.KeyValue
	// ResponseAttributes are added when the response has come, whose body must
	// not be touched.
	ResponseAttributes func(*http.Response) []attribute.KeyValue
	// RequestHeaders and ResponseHeaders are the headers that go onto the span,
	// as http.request.header.<name> and http.response.header.<name>. What they
	// hold is not redacted. Nil means none.
	RequestHeaders, ResponseHeaders []string
	// Query says what url.full shows of the query. Zero is QueryRedacted: all but the
	// values of keys that name credentials. The path is always shown, and a secret in it.
	Query Query
	// RedactQuery are further keys whose values url.full does not show, whatever their
	// case. Nil means none. Empty, and not nil, with the zero Query means that all values
	// are shown.
	RedactQuery []string
}
