package trace_test

import (
	"context"
	"fmt"
	"log"
	"net/http"
	"strings"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/propagation"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"

	"github.com/warmconn/warmconn/roundtripper"
	"github.com/warmconn/warmconn/roundtripper/roundtrippertest"
	"github.com/warmconn/warmconn/trace"
)

// The zero Options uses the global providers and propagator. With a propagator the
// server is told which span its own ones belong to.
func ExampleOptions() {
	recorder := tracetest.NewSpanRecorder()
	tr := trace.New(trace.Options{
		TracerProvider: sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(recorder)),
		Propagator:     propagation.TraceContext{},
	})
	base := &roundtrippertest.Transport{}
	get(roundtripper.Client(&http.Client{Transport: base}, tr.Middleware), "http://api.example/")
	span := recorder.Ended()[0].SpanContext()
	seen := base.Calls()[0].Request.Header.Get("Traceparent")
	fmt.Println(seen == fmt.Sprintf("00-%s-%s-01", span.TraceID(), span.SpanID()))
	// Output: true
}

// An SDK puts its own name on its spans and metrics.
func ExampleOptions_scope() {
	recorder := tracetest.NewSpanRecorder()
	tr := trace.New(trace.Options{
		TracerProvider: sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(recorder)),
		ScopeName:      "example.com/sdk", ScopeVersion: "1.2.3",
	})
	get(roundtripper.Client(&http.Client{Transport: answer{}}, tr.Middleware), "http://api.example/")
	scope := recorder.Ended()[0].InstrumentationScope()
	fmt.Println(scope.Name, scope.Version)
	// Output: example.com/sdk 1.2.3
}

// Requests that have no span, by a rule in one place. Exempt is for requests that only their
// caller knows.
func ExampleOptions_skip() {
	recorder := tracetest.NewSpanRecorder()
	tr := trace.New(trace.Options{
		TracerProvider: sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(recorder)),
		Skip:           func(r *http.Request) bool { return r.URL.Path == "/healthz" },
	})
	client := roundtripper.Client(&http.Client{Transport: answer{}}, tr.Middleware)
	get(client, "http://api.example/healthz")
	get(client, "http://api.example/users")
	printSpans(recorder, "url.full")
	// Output: GET url.full=http://api.example/users
}

// A name of the program's own for some spans, and the usual one for others.
func ExampleOptions_spanName() {
	recorder := tracetest.NewSpanRecorder()
	tr := trace.New(trace.Options{
		TracerProvider: sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(recorder)),
		SpanName: func(r *http.Request) string {
			if strings.HasPrefix(r.URL.Path, "/users/") {
				return "get user"
			}
			return ""
		},
	})
	client := roundtripper.Client(&http.Client{Transport: answer{}}, tr.Middleware)
	get(client, "http://api.example/users/7")
	get(client, "http://api.example/")
	printSpans(recorder)
	// Output:
	// get user
	// GET
}

// Attributes of the program's own, from the request and from the response.
func ExampleOptions_attributes() {
	type tenant struct{}
	recorder := tracetest.NewSpanRecorder()
	tr := trace.New(trace.Options{
		TracerProvider: sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(recorder)),
		RequestAttributes: func(r *http.Request) []attribute.KeyValue {
			name, _ := r.Context().Value(tenant{}).(string)
			return []attribute.KeyValue{attribute.String("tenant", name)}
		},
		ResponseAttributes: func(r *http.Response) []attribute.KeyValue {
			return []attribute.KeyValue{attribute.String("region", r.Header.Get("X-Region"))}
		},
	})
	client := roundtripper.Client(&http.Client{Transport: answer{}}, tr.Middleware)
	ctx := context.WithValue(context.Background(), tenant{}, "acme")
	req, err := http.NewRequestWithContext(ctx, "GET", "http://api.example/", nil)
	send(client, req, err)
	printSpans(recorder, "tenant", "region")
	// Output: GET tenant=acme region=eu
}

// Headers that go onto the span. Headers that are not named stay out.
func ExampleOptions_headers() {
	recorder := tracetest.NewSpanRecorder()
	tr := trace.New(trace.Options{
		TracerProvider:  sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(recorder)),
		RequestHeaders:  []string{"Accept"},
		ResponseHeaders: []string{"X-Region"},
	})
	client := roundtripper.Client(&http.Client{Transport: answer{}}, tr.Middleware)
	req, err := http.NewRequest("GET", "http://api.example/", nil)
	if err != nil {
		log.Fatal(err)
	}
	req.Header.Set("Accept", "text/plain")
	req.Header.Set("Cookie", "session=1234")
	send(client, req, err)
	printSpans(recorder, "http.request.header.accept", "http.request.header.cookie", "http.response.header.x-region")
	// Output: GET http.request.header.accept=["text/plain"] http.response.header.x-region=["eu"]
}

// Credentials in a query are not shown, whatever the key's case; nor the values of keys
// that the program names. User information and fragments are never shown.
func ExampleOptions_redaction() {
	for _, keys := range [][]string{nil, {"ticket"}, {}} {
		recorder := tracetest.NewSpanRecorder()
		tr := trace.New(trace.Options{
			TracerProvider: sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(recorder)),
			RedactQuery:    keys, // beside the usual ones; empty, and not nil, means that all is shown
		})
		client := roundtripper.Client(&http.Client{Transport: answer{}}, tr.Middleware)
		get(client, "http://alice:1234@api.example/?Token=5678&ticket=9abc#end")
		printSpans(recorder, "url.full")
	}
	// Output:
	// GET url.full=http://REDACTED:REDACTED@api.example/?Token=REDACTED&ticket=9abc
	// GET url.full=http://REDACTED:REDACTED@api.example/?Token=REDACTED&ticket=REDACTED
	// GET url.full=http://REDACTED:REDACTED@api.example/?Token=5678&ticket=9abc
}

// How much of a query is shown: all but credentials, all but what the semantic
// conventions name, nothing.
func ExampleQuery() {
	for _, query := range []trace.Query{trace.QueryRedacted, trace.QueryConventions, trace.QueryOmitted} {
		recorder := tracetest.NewSpanRecorder()
		tr := trace.New(trace.Options{
			TracerProvider: sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(recorder)),
			Query:          query,
		})
		client := roundtripper.Client(&http.Client{Transport: answer{}}, tr.Middleware)
		get(client, "http://api.example/items?page=2&access_token=5678&sig=9abc")
		printSpans(recorder, "url.full")
	}
	// Output:
	// GET url.full=http://api.example/items?page=2&access_token=REDACTED&sig=REDACTED
	// GET url.full=http://api.example/items?page=2&access_token=5678&sig=REDACTED
	// GET url.full=http://api.example/items
}
