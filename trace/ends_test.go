package trace_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"sync"
	"testing"
	"testing/iotest"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/sdk/metric"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	oteltrace "go.opentelemetry.io/otel/trace"
	"go.opentelemetry.io/otel/trace/embedded"

	"github.com/warmconn/warmconn/internal/eventually"
	"github.com/warmconn/warmconn/internal/stub"
	"github.com/warmconn/warmconn/internal/testserver"
	"github.com/warmconn/warmconn/roundtripper"
	"github.com/warmconn/warmconn/trace"
)

// lateMeter: instruments that were made before the global MeterProvider is set are bound to
// the first one that is set, once in a process.
var lateMeter sync.Once

// bareSpan is a span of another API: it is not recorded, and counts its ends.
type bareSpan struct {
	oteltrace.Span
	ends *int
}

func (s bareSpan) End(...oteltrace.SpanEndOption) { *s.ends++ }

// bareProvider makes bareSpans.
type bareProvider struct {
	embedded.TracerProvider
	ends int
}

func (p *bareProvider) Tracer(string, ...oteltrace.TracerOption) oteltrace.Tracer {
	return bareTracer{ends: &p.ends}
}

type bareTracer struct {
	embedded.Tracer
	ends *int
}

func (t bareTracer) Start(ctx context.Context, _ string, _ ...oteltrace.SpanStartOption) (context.Context, oteltrace.Span) {
	return ctx, bareSpan{oteltrace.SpanFromContext(ctx), t.ends}
}

func TestSpansThatAreNotRecordedEndOnce(t *testing.T) {
	for _, o := range []trace.Options{{}, {EndAtHeaders: true}} {
		p := new(bareProvider)
		o.TracerProvider = p
		req, _ := http.NewRequest("GET", "http://host.example/", nil)
		if err := stub.Do(trace.New(o).Middleware(stub.Transport{}), req); err != nil {
			t.Fatal(err)
		}
		if p.ends != 1 {
			t.Errorf("at the headers %v: ended %d times, want once", o.EndAtHeaders, p.ends)
		}
	}
}

// At the headers the body's end is not known: neither span nor metric has its error.
func TestDurationAtTheHeadersHasTheErrorOfItsSpan(t *testing.T) {
	recorder, reader := tracetest.NewSpanRecorder(), metric.NewManualReader()
	rt := trace.New(trace.Options{
		TracerProvider: sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(recorder)),
		MeterProvider:  metric.NewMeterProvider(metric.WithReader(reader)), EndAtHeaders: true,
	}).Middleware(roundtripper.Func(func(r *http.Request) (*http.Response, error) {
		resp, err := stub.Transport{}.RoundTrip(r)
		resp.Body = io.NopCloser(iotest.ErrReader(errors.New("broken")))
		return resp, err
	}))
	req, _ := http.NewRequest("GET", "http://host.example/", nil)
	resp, err := rt.RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	if n := sum(collect(t, reader)["http.client.request.duration s"], "", ""); n != 1 || len(recorder.Ended()) != 1 {
		t.Errorf("at the headers %v durations and %d spans, want one of each", n, len(recorder.Ended()))
	}
	if _, err := io.ReadAll(resp.Body); err == nil {
		t.Error("the body's error is gone")
	}
	want(t, recorder.Ended()[0], map[attribute.Key]any{"error.type": nil})
	ps := collect(t, reader)["http.client.request.duration s"]
	if n := sum(ps, "", ""); n != 1 {
		t.Errorf("%v durations, want 1", n)
	}
	for _, p := range ps {
		if v, ok := p.attrs.Value("error.type"); ok {
			t.Errorf("the metric has error.type %q, the span none", v.AsString())
		}
	}
}

func TestDurationOfALeakedBodyIsThatOfItsSpan(t *testing.T) {
	r := newRig(t, func(w http.ResponseWriter, _ *http.Request) { w.(http.Flusher).Flush(); ok(w, nil) }, testserver.Options{})
	forget(r)
	time.Sleep(300 * time.Millisecond) // until the collector comes
	var ps []point
	eventually.Collected(t, "the leak to be counted", func() bool {
		ps = collect(t, r.reader)["http.client.request.duration s"]
		return len(ps) == 1
	})
	s := r.last()
	if span := s.EndTime().Sub(s.StartTime()).Seconds(); ps[0].sum > span+.1 {
		t.Errorf("the request took %v s, its span %v s", ps[0].sum, span)
	}
}

type broken struct{ propagation.TraceContext }

func (broken) Inject(context.Context, propagation.TextMapCarrier) { panic("broken") }

func TestSpansEndIfTheUsersFunctionsPanic(t *testing.T) {
	panics := func(*http.Response) []attribute.KeyValue { panic("broken") }
	for name, o := range map[string]trace.Options{
		"response attributes":                 {ResponseAttributes: panics},
		"response attributes, end at headers": {ResponseAttributes: panics, EndAtHeaders: true},
		"response attributes with phases":     {ResponseAttributes: panics, EndAtHeaders: true, Phases: trace.PhaseSpans},
		"propagator":                          {Propagator: broken{}},
		"request attributes":                  {RequestAttributes: func(*http.Request) []attribute.KeyValue { panic("broken") }},
		"span name":                           {SpanName: func(*http.Request) string { panic("broken") }},
		"skip":                                {Skip: func(*http.Request) bool { panic("broken") }},
	} {
		t.Run(name, func(t *testing.T) {
			srv := testserver.New(http.HandlerFunc(ok), testserver.Options{})
			defer srv.Close()
			spans, reader := &tally{open: map[string]string{}}, metric.NewManualReader()
			o.TracerProvider = sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(spans))
			o.MeterProvider = metric.NewMeterProvider(metric.WithReader(reader))
			rt := roundtripper.Wrap(srv.Transport(), trace.New(o).Middleware)
			func() {
				defer func() {
					if recover() == nil {
						t.Error("the panic was swallowed")
					}
				}()
				rt.RoundTrip(within(t, 10*time.Second, srv.URL))
			}()
			eventually.True(t, "every span to end", func() bool { return spans.left() == "map[]" })
			if n := sum(collect(t, reader)["http.client.active_requests {request}"], "", ""); n != 0 {
				t.Errorf("%v requests under way, want none", n)
			}
		})
	}
}

type roundtrip func(*http.Request) (*http.Response, error)

func (f roundtrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }
