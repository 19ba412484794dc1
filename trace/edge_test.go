package trace_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptrace"
	"runtime"
	"strings"
	"sync"
	"testing"
	"testing/iotest"
	"time"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	metricnoop "go.opentelemetry.io/otel/metric/noop"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/sdk/metric"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	oteltrace "go.opentelemetry.io/otel/trace"
	"go.opentelemetry.io/otel/trace/embedded"

	"github.com/warmconn/warmconn/internal/eventually"
	"github.com/warmconn/warmconn/internal/stub"
	"github.com/warmconn/warmconn/internal/testserver"
	"github.com/warmconn/warmconn/pool"
	"github.com/warmconn/warmconn/roundtripper"
	"github.com/warmconn/warmconn/trace"
)

// Two Tracers in one stack, an SDK's and the program's, write into one
// instrument.
func TestTwoTracersOfOneMeterCountAConnectionOnce(t *testing.T) {
	srv := testserver.New(http.HandlerFunc(ok), testserver.Options{})
	defer srv.Close()
	reader := metric.NewManualReader()
	o := trace.Options{MeterProvider: metric.NewMeterProvider(metric.WithReader(reader))}
	client := roundtripper.Client(&http.Client{Transport: srv.Transport()},
		trace.New(o).Middleware, trace.New(o).Middleware, pool.New(pool.Options{}).Middleware)
	if err := do(client, within(t, 10*time.Second, srv.URL)); err != nil {
		t.Fatal(err)
	}
	if n := sum(collect(t, reader)["http.client.open_connections {connection}"], "", ""); n != 1 {
		t.Errorf("%v connections open, want 1", n)
	}
	client.CloseIdleConnections()
	var n float64
	eventually.True(t, "the connection's end", func() bool {
		n = sum(collect(t, reader)["http.client.connection.duration s"], "", "")
		return n > 0
	})
	time.Sleep(10 * time.Millisecond)
	if n = sum(collect(t, reader)["http.client.connection.duration s"], "", ""); n != 1 {
		t.Errorf("the duration of one connection was recorded %v times", n)
	}
}

// One Tracer on both sides of somebody else's middleware sees each connection
// twice.
func TestNestedStacksCountAConnectionOnce(t *testing.T) {
	r := newRig(t, ok, testserver.Options{})
	inner := roundtripper.Wrap(r.srv.Transport(), r.tracer.Middleware, pool.New(pool.Options{}).Middleware)
	r.client = &http.Client{Transport: roundtripper.Wrap(opaque{inner}, r.tracer.Middleware)}
	defer r.client.CloseIdleConnections()
	r.get("/")
	if n := sum(collect(t, r.reader)["http.client.open_connections {connection}"], "", ""); n != 1 {
		t.Errorf("%v connections open, want 1", n)
	}
	runtime.KeepAlive(inner)
}

// opaque is a middleware that can't be looked through.
type opaque struct{ next http.RoundTripper }

func (o opaque) RoundTrip(req *http.Request) (*http.Response, error) { return o.next.RoundTrip(req) }

// Tracers that are dropped, over a base that stays, leave nothing behind there.
func TestConnectionsAreNotToldToDroppedTracers(t *testing.T) {
	srv := testserver.New(http.HandlerFunc(ok), testserver.Options{})
	defer srv.Close()
	reader := metric.NewManualReader()
	o := trace.Options{MeterProvider: metric.NewMeterProvider(metric.WithReader(reader))}
	base := pool.New(pool.Options{}).Middleware(srv.Transport())
	for range 5 {
		trace.New(o).Middleware(base)
	}
	client := roundtripper.Client(&http.Client{Transport: base}, trace.New(o).Middleware)
	eventually.True(t, "the dropped Tracers to be collected", func() bool {
		runtime.GC()
		if err := do(client, within(t, 10*time.Second, srv.URL)); err != nil {
			t.Fatal(err)
		}
		before := sum(collect(t, reader)["http.client.connection.duration s"], "", "")
		client.CloseIdleConnections()
		eventually.True(t, "the connection's end", func() bool { return srv.Open() == 0 })
		time.Sleep(10 * time.Millisecond)
		return sum(collect(t, reader)["http.client.connection.duration s"], "", "") == before+1
	})
}

// lateMeter: OpenTelemetry binds the global MeterProvider's users once in a
// process.
var lateMeter sync.Once

// A request is under way while the program sets its MeterProvider.
func TestActiveRequestsComeBackToZeroAfterALateMeterProvider(t *testing.T) {
	first := false
	lateMeter.Do(func() { first = true })
	if !first {
		t.Skip("SKIPPED: the global MeterProvider was bound by an earlier run of this test")
	}
	was := otel.GetMeterProvider()
	defer otel.SetMeterProvider(was)
	r := newRig(t, ok, testserver.Options{})
	client := roundtripper.Client(&http.Client{Transport: r.srv.Transport()}, trace.New(trace.Options{}).Middleware)
	resp, err := client.Get(r.srv.URL)
	if err != nil {
		t.Fatal(err)
	}
	reader := metric.NewManualReader()
	otel.SetMeterProvider(metric.NewMeterProvider(metric.WithReader(reader)))
	if n := sum(collect(t, reader)["http.client.active_requests {request}"], "", ""); n != 1 {
		t.Errorf("%v requests under way, want 1", n)
	}
	io.Copy(io.Discard, resp.Body)
	resp.Body.Close()
	if n := sum(collect(t, reader)["http.client.active_requests {request}"], "", ""); n != 0 {
		t.Errorf("%v requests under way, want none", n)
	}

	// A Tracer that was made later has another Meter of the same provider.
	if err := do(roundtripper.Client(client, trace.New(trace.Options{}).Middleware), within(t, 10*time.Second, r.srv.URL)); err != nil {
		t.Fatal(err)
	}
	if n := sum(collect(t, reader)["http.client.request.duration s"], "", ""); n != 2 {
		t.Errorf("%v requests, want 2", n)
	}
}

// bareSpan is one of somebody else's API: it is not recorded, and counts its ends.
type bareSpan struct {
	oteltrace.Span
	ends *int
}

func (s bareSpan) End(...oteltrace.SpanEndOption) { *s.ends++ }

// bareProvider makes them.
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

// At the headers nobody knows of the body's end, neither span nor metric.
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

// The conventions want no description where the status code says it.
func TestStatusCodeNeedsNoDescription(t *testing.T) {
	recorder := tracetest.NewSpanRecorder()
	rt := trace.New(trace.Options{TracerProvider: sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(recorder))}).
		Middleware(roundtripper.Func(func(r *http.Request) (*http.Response, error) {
			resp, err := stub.Transport{}.RoundTrip(r)
			resp.StatusCode, resp.Body = 500, io.NopCloser(iotest.ErrReader(errors.New("broken")))
			return resp, err
		}))
	req, _ := http.NewRequest("GET", "http://host.example/", nil)
	if err := stub.Do(rt, req); err == nil {
		t.Error("the body's error is gone")
	}
	if s := recorder.Ended()[0].Status(); s.Code != codes.Error || s.Description != "" {
		t.Errorf("status %v, want an error without a description", s)
	}
}

func TestActiveRequestsDoNotNeedOtherInstruments(t *testing.T) {
	reader := metric.NewManualReader()
	drop := metric.NewView(metric.Instrument{Name: "http.client.connection.duration"}, metric.Stream{Aggregation: metric.AggregationDrop{}})
	mp := metric.NewMeterProvider(metric.WithReader(reader), metric.WithView(drop))
	srv := testserver.New(http.HandlerFunc(ok), testserver.Options{})
	defer srv.Close()
	client := roundtripper.Client(&http.Client{Transport: srv.Transport()}, trace.New(trace.Options{MeterProvider: mp}).Middleware)
	resp, err := client.Get(srv.URL)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if n := sum(collect(t, reader)["http.client.active_requests {request}"], "", ""); n != 1 {
		t.Errorf("%v requests under way, want 1", n)
	}
}

// The caller may use its request again once RoundTrip has failed, or the body
// was dropped: what the end counts is what began.
func TestActiveRequestsComeBackToZeroIfTheRequestIsReused(t *testing.T) {
	r := newRig(t, func(w http.ResponseWriter, _ *http.Request) { w.(http.Flusher).Flush(); ok(w, nil) }, testserver.Options{})
	func() {
		req, _ := http.NewRequest("GET", r.srv.URL, nil)
		if _, err := r.client.Transport.RoundTrip(req); err != nil {
			t.Fatal(err)
		}
		req.Method = "POST" // the body is dropped
	}()
	eventually.True(t, "the span to end", func() bool { runtime.GC(); return len(r.recorder.Ended()) == 1 })
	time.Sleep(10 * time.Millisecond)
	for _, p := range collect(t, r.reader)["http.client.active_requests {request}"] {
		if p.value != 0 {
			t.Errorf("%v requests under way in %v, want none", p.value, p.attrs.ToSlice())
		}
	}
}

func TestDurationOfALeakedBodyIsThatOfItsSpan(t *testing.T) {
	r := newRig(t, func(w http.ResponseWriter, _ *http.Request) { w.(http.Flusher).Flush(); ok(w, nil) }, testserver.Options{})
	forget(r)
	time.Sleep(300 * time.Millisecond) // until the collector comes
	var ps []point
	eventually.True(t, "the leak to be counted", func() bool {
		runtime.GC()
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

type typed string

func (e typed) Error() string     { return "typed" }
func (e typed) ErrorType() string { return string(e) }

func TestAnErrorOfNoTypeIsAnErrorStill(t *testing.T) {
	recorder := tracetest.NewSpanRecorder()
	rt := trace.New(trace.Options{TracerProvider: sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(recorder)), MeterProvider: metricnoop.NewMeterProvider()}).
		Middleware(roundtrip(func(*http.Request) (*http.Response, error) { return nil, fmt.Errorf("x: %w", typed("")) }))
	req, _ := http.NewRequest("GET", "http://host.example/", nil)
	stub.Do(rt, req)
	s := recorder.Ended()[0]
	want(t, s, map[attribute.Key]any{"error.type": "_OTHER"})
	if s.Status().Code != codes.Error {
		t.Errorf("status %v, want error", s.Status())
	}
}

// secretive is a request body whose error quotes what must not be written.
type secretive struct{}

func (secretive) Read([]byte) (int, error) { return 0, errors.New("SECRET") }
func (secretive) Close() error             { return nil }

func TestPhasesShowNoSecrets(t *testing.T) {
	for _, headers := range []bool{false, true} {
		for _, p := range []trace.Phases{trace.PhaseEvents, trace.PhaseSpans} {
			for _, h2 := range []bool{false, true} {
				t.Run(fmt.Sprintf("headers=%v phases=%v http2=%v", headers, p, h2), func(t *testing.T) {
					srv := testserver.New(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
						w.Header().Set("Set-Cookie", "a=SECRET")
						w.WriteHeader(http.StatusEarlyHints)
						io.Copy(io.Discard, r.Body)
						ok(w, nil)
					}), testserver.Options{HTTP2: h2})
					defer srv.Close()
					spans := &tally{open: map[string]string{}}
					tr := trace.New(trace.Options{Phases: p, PhaseHeaders: headers, TracerProvider: sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(spans))})
					client := roundtripper.Client(&http.Client{Transport: srv.Transport()}, tr.Middleware)
					defer client.CloseIdleConnections()
					req := within(t, 10*time.Second, srv.URL+"/?sig=SECRET")
					req.Header.Set("Referer", "http://u:SECRET@host.example/?sig=SECRET")
					if err := do(client, req); err != nil {
						t.Fatal(err)
					}
					req = within(t, 10*time.Second, srv.URL)
					req.Method, req.Body = "POST", secretive{}
					do(client, req)
					eventually.True(t, "every span to end", func() bool { return spans.left() == "map[]" })
					for _, s := range spans.ended {
						for _, kv := range s.Attributes() {
							if strings.Contains(kv.Value.String(), "SECRET") {
								t.Errorf("%s: %s is %s", s.Name(), kv.Key, kv.Value.String())
							}
						}
						for _, e := range s.Events() {
							if text := fmt.Sprint(e.Attributes); strings.Contains(text, "SECRET") {
								t.Errorf("%s: event %s has %s", s.Name(), e.Name, text)
							}
						}
						if strings.Contains(s.Status().Description, "SECRET") {
							t.Errorf("%s: status %v", s.Name(), s.Status())
						}
					}
				})
			}
		}
	}
}

// What net/http says of one attempt of its own to write is not the outcome.
func TestPhasesDoNotSetTheStatusOfTheRequest(t *testing.T) {
	recorder := tracetest.NewSpanRecorder()
	tr := trace.New(trace.Options{Phases: trace.PhaseSpans, TracerProvider: sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(recorder))})
	rt := tr.Middleware(roundtrip(func(r *http.Request) (*http.Response, error) {
		hooks := httptrace.ContextClientTrace(r.Context())
		hooks.GetConn("host.example:80")
		hooks.WroteRequest(httptrace.WroteRequestInfo{Err: errors.New("broken connection")}) // and tries again
		return stub.Transport{}.RoundTrip(r)
	}))
	req, _ := http.NewRequest("GET", "http://host.example/", nil)
	if err := stub.Do(rt, req); err != nil {
		t.Fatal(err)
	}
	for _, s := range named(recorder.Ended(), "GET") {
		if s.Status().Code != codes.Unset {
			t.Errorf("status %v of a request that went well", s.Status())
		}
	}
}

func TestAnnotatedSpansLinkToTheirCulprits(t *testing.T) {
	recorder := tracetest.NewSpanRecorder()
	tp := sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(recorder))
	srv := testserver.New(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", fmt.Sprint(4<<20))
		io.WriteString(w, strings.Repeat("x", 4<<20))
	}), testserver.Options{})
	defer srv.Close()
	client := roundtripper.Client(&http.Client{Transport: srv.Transport()}, trace.New(trace.Options{Annotate: true}).Middleware)
	for range 2 {
		ctx, span := tp.Tracer("outer").Start(t.Context(), "outer")
		req, _ := http.NewRequestWithContext(ctx, "GET", srv.URL, nil)
		resp, err := client.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		span.End()
	}
	spans := recorder.Ended()
	if l := spans[1].Links(); len(l) != 1 || l[0].SpanContext.SpanID() != spans[0].SpanContext().SpanID() {
		t.Errorf("links %v (%v), want one to %v", l, attrs(spans[1]), spans[0].SpanContext().SpanID())
	}
}

type roundtrip func(*http.Request) (*http.Response, error)

func (f roundtrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }
