package trace_test

import (
	"io"
	"net/http"
	"strings"
	"testing"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/sdk/metric"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	nooptrace "go.opentelemetry.io/otel/trace/noop"

	"github.com/warmconn/warmconn/internal/stub"
	"github.com/warmconn/warmconn/internal/testserver"
	"github.com/warmconn/warmconn/pool"
	"github.com/warmconn/warmconn/roundtripper"
	"github.com/warmconn/warmconn/trace"
)

// Of the Tracers of one MeterProvider, one counts a request, and one its connection, no matter
// which of them writes the span, and under which names.
func TestOneTracerOfAMeterProviderCountsAnExchange(t *testing.T) {
	somebodyElse := func(next http.RoundTripper) http.RoundTripper { return opaque{next} }
	for name, row := range map[string]struct {
		outer, inner trace.Options
		between      roundtripper.Middleware
		requests     float64
	}{
		"an annotating one above":         {trace.Options{Annotate: true}, trace.Options{}, nil, 1},
		"an annotating one below":         {trace.Options{}, trace.Options{Annotate: true}, nil, 1},
		"two annotating ones":             {trace.Options{Annotate: true}, trace.Options{Annotate: true}, nil, 0},
		"two that write spans":            {trace.Options{}, trace.Options{}, nil, 1},
		"an annotating one above another": {trace.Options{Annotate: true}, trace.Options{}, somebodyElse, 1},
		"an annotating one below another": {trace.Options{}, trace.Options{Annotate: true}, somebodyElse, 1},
		"two on two sides of another":     {trace.Options{}, trace.Options{}, somebodyElse, 1},
		"two, of which one has only one":  {trace.Options{StableOnly: true}, trace.Options{}, nil, 1},
		"two with names of their own":     {trace.Options{ScopeName: "sdk"}, trace.Options{}, nil, 1},
		"two names and another between":   {trace.Options{}, trace.Options{ScopeName: "sdk"}, somebodyElse, 1},
	} {
		t.Run(name, func(t *testing.T) {
			srv := testserver.New(http.HandlerFunc(ok), testserver.Options{})
			defer srv.Close()
			reader := metric.NewManualReader()
			mp := metric.NewMeterProvider(metric.WithReader(reader))
			tracer := func(o trace.Options) roundtripper.Middleware {
				o.MeterProvider, o.TracerProvider = mp, sdktrace.NewTracerProvider()
				return trace.New(o).Middleware
			}
			client := roundtripper.Client(&http.Client{Transport: srv.Transport()},
				tracer(row.outer), row.between, tracer(row.inner), pool.New(pool.Options{}).Middleware)
			defer client.CloseIdleConnections()
			resp, err := client.Get(srv.URL)
			if err != nil {
				t.Fatal(err)
			}
			if n := sum(collect(t, reader)["http.client.active_requests {request}"], "", ""); n != row.requests {
				t.Errorf("%v requests under way, want %v", n, row.requests)
			}
			io.Copy(io.Discard, resp.Body)
			resp.Body.Close()
			got := collect(t, reader)
			if n := sum(got["http.client.active_requests {request}"], "", ""); n != 0 {
				t.Errorf("%v requests under way at the end, want none", n)
			}
			for name, want := range map[string]float64{"http.client.request.duration s": row.requests, "warmconn.connection.new {connection}": 1, "http.client.open_connections {connection}": 1} {
				if n := sum(got[name], "", ""); n != want {
					t.Errorf("%s: %v, want %v", name, n, want)
				}
			}
		})
	}
}

// Tracers that make no spans look alike, but have meters of their own.
func TestTracersWithoutSpansKeepTheirMeters(t *testing.T) {
	var readers [2]*metric.ManualReader
	var mw []roundtripper.Middleware
	for i := range readers {
		readers[i] = metric.NewManualReader()
		mw = append(mw, trace.New(trace.Options{
			TracerProvider: nooptrace.NewTracerProvider(),
			MeterProvider:  metric.NewMeterProvider(metric.WithReader(readers[i])),
		}).Middleware)
	}
	req, _ := http.NewRequest("GET", "http://host.example/", nil)
	if err := stub.Do(roundtripper.Wrap(stub.Transport{}, mw...), req); err != nil {
		t.Fatal(err)
	}
	for i, r := range readers {
		if n := sum(collect(t, r)["http.client.request.duration s"], "", ""); n != 1 {
			t.Errorf("meter %d has %v requests, want 1", i, n)
		}
	}
}

// A tracer that makes no span still passes the caller's span context on.
func TestTracerWithoutSpansPropagates(t *testing.T) {
	ctx, span := sdktrace.NewTracerProvider().Tracer("caller").Start(t.Context(), "caller")
	defer span.End()
	var got string
	base := roundtripper.Func(func(r *http.Request) (*http.Response, error) {
		got = r.Header.Get("Traceparent")
		return stub.Transport{}.RoundTrip(r)
	})
	rt := trace.New(trace.Options{TracerProvider: nooptrace.NewTracerProvider(), Propagator: propagation.TraceContext{}}).Middleware(base)
	req, _ := http.NewRequestWithContext(ctx, "GET", "http://host.example/", nil)
	if err := stub.Do(rt, req); err != nil {
		t.Fatal(err)
	}
	if id := span.SpanContext().SpanID().String(); !strings.Contains(got, id) {
		t.Errorf("traceparent is %q, want the caller's span %s", got, id)
	}
}

// firstUnsampled drops the first span.
type firstUnsampled struct{ asked *int }

func (firstUnsampled) Description() string { return "all but the first" }

func (s firstUnsampled) ShouldSample(p sdktrace.SamplingParameters) sdktrace.SamplingResult {
	if *s.asked++; *s.asked == 1 {
		return sdktrace.NeverSample().ShouldSample(p)
	}
	return sdktrace.AlwaysSample().ShouldSample(p)
}

// A link to a culprit that was not sampled has the flag that says so.
func TestLinkHasTheCulpritsFlags(t *testing.T) {
	srv := testserver.New(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Connection", "close")
	}), testserver.Options{})
	defer srv.Close()
	recorder := tracetest.NewSpanRecorder()
	tp := sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(recorder), sdktrace.WithSampler(firstUnsampled{new(int)}))
	client := roundtripper.Client(&http.Client{Transport: srv.Transport()}, trace.New(trace.Options{TracerProvider: tp}).Middleware)
	defer client.CloseIdleConnections()
	for range 3 {
		resp, err := client.Get(srv.URL)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
	}
	for i, s := range recorder.Ended() {
		l := s.Links()
		if len(l) != 1 {
			t.Fatalf("span %d has %d links, want 1: %v", i, len(l), attrs(s))
		}
		if sampled := l[0].SpanContext.IsSampled(); sampled != (i == 1) {
			t.Errorf("span %d links to a culprit that was sampled: %v", i, sampled)
		}
	}
}

// Spans and metrics have one name for a host.
func TestServerAddressIsSpelledInOneWay(t *testing.T) {
	recorder, reader := tracetest.NewSpanRecorder(), metric.NewManualReader()
	rt := trace.New(trace.Options{
		TracerProvider: sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(recorder)),
		MeterProvider:  metric.NewMeterProvider(metric.WithReader(reader)),
	}).Middleware(stub.Transport{})
	req, _ := http.NewRequest("GET", "http://HOST.Example/", nil)
	if err := stub.Do(rt, req); err != nil {
		t.Fatal(err)
	}
	want(t, recorder.Ended()[0], map[attribute.Key]any{"server.address": "host.example", "url.full": "http://HOST.Example/"})
	if ps := collect(t, reader)["http.client.request.duration s"]; sum(ps, "server.address", "host.example") != 1 {
		t.Errorf("metrics are of %v", ps)
	}
}
