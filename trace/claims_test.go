package trace_test

import (
	"io"
	"net/http"
	"net/url"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/sdk/metric"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	nooptrace "go.opentelemetry.io/otel/trace/noop"

	"github.com/warmconn/warmconn/drain"
	"github.com/warmconn/warmconn/internal/eventually"
	"github.com/warmconn/warmconn/internal/stub"
	"github.com/warmconn/warmconn/internal/testserver"
	"github.com/warmconn/warmconn/pool"
	"github.com/warmconn/warmconn/roundtripper"
	"github.com/warmconn/warmconn/trace"
)

// Of the Tracers of one MeterProvider, one counts a request, and one its connection,
// whoever writes the span, and under whatever name.
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

// again sends each request twice, closing the first response as it is.
type again struct{ next http.RoundTripper }

func (a again) RoundTrip(r *http.Request) (*http.Response, error) {
	resp, err := a.next.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	resp.Body.Close()
	return a.next.RoundTrip(r)
}

// What the attempts of a retrier did to connections is counted once each, also if a
// Tracer stands above it, too.
func TestConnectionsOfEachAttemptAreCountedOnce(t *testing.T) {
	for name, row := range map[string]struct {
		closes  int32 // the response after which the connection is closed
		new     float64
		drained float64
	}{
		"on one connection":    {0, 1, 20},
		"on a connection each": {1, 2, 10},
	} {
		t.Run(name, func(t *testing.T) {
			var n atomic.Int32
			srv := testserver.New(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				if n.Add(1) == row.closes {
					w.Header().Set("Connection", "close")
				}
				io.WriteString(w, "0123456789")
			}), testserver.Options{})
			defer srv.Close()
			recorder, reader := tracetest.NewSpanRecorder(), metric.NewManualReader()
			o := trace.Options{
				TracerProvider: sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(recorder)),
				MeterProvider:  metric.NewMeterProvider(metric.WithReader(reader)),
			}
			client := roundtripper.Client(&http.Client{Transport: srv.Transport()}, trace.New(o).Middleware,
				func(next http.RoundTripper) http.RoundTripper { return again{next} },
				trace.New(o).Middleware, drain.New(drain.Options{}).Middleware, pool.New(pool.Options{}).Middleware)
			defer client.CloseIdleConnections()
			resp, err := client.Get(srv.URL)
			if err != nil {
				t.Fatal(err)
			}
			resp.Body.Close()
			got := collect(t, reader)
			for name, want := range map[string]float64{
				"http.client.active_requests {request}": 0, "http.client.request.duration s": 2,
				"warmconn.connection.new {connection}": row.new, "warmconn.drain.size By": row.drained,
			} {
				if n := sum(got[name], "", ""); n != want {
					t.Errorf("%s: %v, want %v", name, n, want)
				}
			}
			if n := len(recorder.Ended()); n != 2 {
				t.Errorf("%d spans, want that of the whole and that of the second attempt", n)
			}
		})
	}
}

// A body that is dropped above somebody else's middleware is dropped below it, too,
// unless that has read it.
func TestALeakIsCountedOnce(t *testing.T) {
	for name, between := range map[string]roundtripper.Middleware{
		"passed on": func(next http.RoundTripper) http.RoundTripper { return opaque{next} },
		"retried":   func(next http.RoundTripper) http.RoundTripper { return again{next} },
		"read": func(next http.RoundTripper) http.RoundTripper {
			return roundtripper.Func(func(r *http.Request) (*http.Response, error) {
				resp, err := next.RoundTrip(r)
				if err != nil {
					return nil, err
				}
				text, err := io.ReadAll(resp.Body)
				resp.Body.Close()
				resp.Body = io.NopCloser(strings.NewReader(string(text)))
				return resp, err
			})
		},
	} {
		t.Run(name, func(t *testing.T) {
			srv := testserver.New(http.HandlerFunc(ok), testserver.Options{})
			defer srv.Close()
			recorder, reader := tracetest.NewSpanRecorder(), metric.NewManualReader()
			o := trace.Options{MeterProvider: metric.NewMeterProvider(metric.WithReader(reader))}
			inner := trace.New(o)
			o.TracerProvider = sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(recorder))
			client := roundtripper.Client(&http.Client{Transport: srv.Transport()}, trace.New(o).Middleware, between, inner.Middleware)
			defer client.CloseIdleConnections()
			func() {
				if _, err := client.Get(srv.URL); err != nil {
					t.Fatal(err)
				}
			}()
			leaks := func() float64 { return sum(collect(t, reader)["warmconn.leaks {body}"], "", "") }
			eventually.True(t, "the leak", func() bool { runtime.GC(); return len(recorder.Ended()) == 1 && leaks() > 0 })
			for range 5 {
				runtime.GC()
				time.Sleep(10 * time.Millisecond)
			}
			if n := leaks(); n != 1 {
				t.Errorf("%v leaks, want 1", n)
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

// A span that says already why its connection was new has one link for it, whoever
// else annotates it.
func TestAnnotatedSpanHasOneLinkToItsCulprit(t *testing.T) {
	srv := testserver.New(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Connection", "close")
	}), testserver.Options{})
	defer srv.Close()
	somebodyElse := func(next http.RoundTripper) http.RoundTripper { return opaque{next} }
	for name, row := range map[string]struct {
		outer   bool // annotates, too
		between roundtripper.Middleware
	}{
		"below another that annotates":           {true, nil},
		"below one that writes the span":         {false, nil},
		"the same, with somebody else's between": {false, somebodyElse},
	} {
		t.Run(name, func(t *testing.T) {
			recorder := tracetest.NewSpanRecorder()
			tp := sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(recorder))
			outer, inner := trace.New(trace.Options{TracerProvider: tp, Annotate: row.outer}), trace.New(trace.Options{Annotate: true})
			client := roundtripper.Client(&http.Client{Transport: srv.Transport()}, outer.Middleware, row.between, inner.Middleware)
			defer client.CloseIdleConnections()
			links := 0
			for range 2 {
				ctx, span := tp.Tracer("caller").Start(t.Context(), "caller")
				req, _ := http.NewRequestWithContext(ctx, "GET", srv.URL, nil)
				resp, err := client.Do(req)
				if err != nil {
					t.Fatal(err)
				}
				resp.Body.Close()
				span.End()
			}
			for _, s := range recorder.Ended() {
				links += len(s.Links())
			}
			if links != 1 {
				t.Errorf("%d links for one lost connection, want 1", links)
			}
		})
	}
}

// A tracer that makes no span still hands the caller's on.
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

// A link says of a culprit that was not sampled that it was not.
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

// badError is an error that can't say what it is.
type badError struct{ class string }

func (*badError) Error() string       { return "bad" }
func (e *badError) ErrorType() string { return e.class }

// badTimeout is one that can't say whether it is a timeout.
type badTimeout struct{ timeout bool }

func (*badTimeout) Error() string   { return "bad" }
func (e *badTimeout) Timeout() bool { return e.timeout }

// The nil pointer that a base returns by mistake ends the exchange like any error.
func TestAnErrorThatCannotNameItself(t *testing.T) {
	for _, bad := range []error{(*badError)(nil), (*badTimeout)(nil), (*url.Error)(nil)} {
		recorder, reader := tracetest.NewSpanRecorder(), metric.NewManualReader()
		rt := trace.New(trace.Options{
			TracerProvider: sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(recorder)),
			MeterProvider:  metric.NewMeterProvider(metric.WithReader(reader)),
		}).Middleware(roundtripper.Func(func(*http.Request) (*http.Response, error) { return nil, bad }))
		req, _ := http.NewRequest("GET", "http://host.example/", nil)
		if _, err := rt.RoundTrip(req); err != bad {
			t.Errorf("%T: error %T, want the base's own", bad, err)
		}
		want(t, recorder.Ended()[0], map[attribute.Key]any{"error.type": "_OTHER"})
		if n := sum(collect(t, reader)["http.client.active_requests {request}"], "", ""); n != 0 {
			t.Errorf("%T: %v requests under way, want none", bad, n)
		}
	}
}

// The metrics of connections say which protocol they speak, once that shows; and
// that none is left.
func TestConnectionMetricsHaveTheProtocol(t *testing.T) {
	for name, row := range map[string]struct {
		opts    testserver.Options
		version string
	}{
		"HTTP/1": {testserver.Options{}, "1.1"},
		"TLS":    {testserver.Options{TLS: true}, "1.1"},
		"HTTP/2": {testserver.Options{TLS: true, HTTP2: true}, "2"},
	} {
		for _, peers := range []bool{false, true} {
			t.Run(name, func(t *testing.T) {
				srv := testserver.New(http.HandlerFunc(ok), row.opts)
				defer srv.Close()
				reader := metric.NewManualReader()
				client := roundtripper.Client(&http.Client{Transport: srv.Transport()},
					trace.New(trace.Options{
						TracerProvider: nooptrace.NewTracerProvider(), PeerAddress: peers,
						MeterProvider: metric.NewMeterProvider(metric.WithReader(reader)),
					}).Middleware, pool.New(pool.Options{}).Middleware)
				resp, err := client.Get(srv.URL)
				if err != nil {
					t.Fatal(err)
				}
				const version = "network.protocol.version"
				open := collect(t, reader)["http.client.open_connections {connection}"]
				if n, all := sum(open, version, row.version), sum(open, "", ""); n != 1 || all != 1 {
					t.Errorf("%v of %v connections are of %s, want 1 of 1: %v", n, all, row.version, open)
				}
				io.Copy(io.Discard, resp.Body)
				resp.Body.Close()
				client.CloseIdleConnections()
				eventually.True(t, "the connection's end", func() bool {
					return sum(collect(t, reader)["http.client.connection.duration s"], version, row.version) == 1
				})
				open = collect(t, reader)["http.client.open_connections {connection}"]
				if n := sum(open, "", ""); n != 0 || !peers && len(open) != 2 {
					t.Errorf("at the end: %v, want none, active or idle", open)
				}
			})
		}
	}
}
