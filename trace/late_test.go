package trace_test

import (
	"context"
	"io"
	"net/http"
	"sync"
	"testing"
	"time"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/sdk/metric"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"

	"github.com/warmconn/warmconn/internal/eventually"
	"github.com/warmconn/warmconn/internal/fullsize"
	"github.com/warmconn/warmconn/internal/testserver"
	"github.com/warmconn/warmconn/pool"
	"github.com/warmconn/warmconn/roundtripper"
	"github.com/warmconn/warmconn/trace"
)

// One Tracer was made before the program has set its TracerProvider.
func TestInnerTracerIsSilentAfterALateTracerProvider(t *testing.T) {
	was := otel.GetTracerProvider()
	defer otel.SetTracerProvider(was)
	srv := testserver.New(http.HandlerFunc(ok), testserver.Options{})
	defer srv.Close()
	early := trace.New(trace.Options{})
	recorder := tracetest.NewSpanRecorder()
	otel.SetTracerProvider(sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(recorder)))
	client := roundtripper.Client(&http.Client{Transport: srv.Transport()}, trace.New(trace.Options{}).Middleware, early.Middleware)
	if err := do(client, within(t, 10*time.Second, srv.URL)); err != nil {
		t.Fatal(err)
	}
	if n := len(recorder.Ended()); n != 1 {
		t.Errorf("%d spans of one exchange, want 1", n)
	}
}

// Many requests go wrong at once: all spans end, and no request is counted as under way.
func TestManyFaultsAtOnceLeaveNothingOpen(t *testing.T) {
	for _, h2 := range []bool{false, true} {
		for _, o := range []trace.Options{{Phases: trace.PhaseSpans, ConnectionSpans: true, PhaseHeaders: true}, {Phases: trace.PhaseEvents, EndAtHeaders: true, ConnectionSpans: true, PeerAddress: true}, {Annotate: true}} {
			srv := testserver.New(http.HandlerFunc(faulty), testserver.Options{HTTP2: h2})
			spans, reader := &tally{open: map[string]string{}}, metric.NewManualReader()
			tp := sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(spans))
			o.TracerProvider = tp
			o.MeterProvider = metric.NewMeterProvider(metric.WithReader(reader))
			o.ResponseAttributes = func(*http.Response) []attribute.KeyValue { return nil }
			client := roundtripper.Client(&http.Client{Transport: srv.Transport()}, trace.New(o).Middleware, pool.New(pool.Options{MaxPerHost: 5}).Middleware)
			var wg sync.WaitGroup
			for i := range 16 {
				wg.Add(1)
				go func() {
					defer wg.Done()
					for j := range fullsize.Of(40, 14) {
						ctx, cancel := context.WithTimeout(t.Context(), time.Duration(1+(i*j)%7)*time.Millisecond)
						ctx, s := tp.Tracer("x").Start(ctx, "outer")
						path := []string{"/", "/cut", "/cut/body", "/hang", "/hang/body", "/500", "/redirect"}[(i+j)%7]
						req, _ := http.NewRequestWithContext(ctx, "GET", srv.URL+path, nil)
						if resp, err := client.Do(req); err == nil {
							if j%3 == 0 {
								io.Copy(io.Discard, resp.Body)
							}
							resp.Body.Close()
						}
						req.Method = "POST"
						s.End()
						cancel()
						if j%10 == 0 {
							collect(t, reader)
						}
					}
				}()
			}
			wg.Wait()
			eventually.True(t, "every span to end", func() bool { return spans.left() == "map[]" })
			for _, p := range collect(t, reader)["http.client.active_requests {request}"] {
				if p.value != 0 {
					t.Errorf("%v requests under way in %v, want none", p.value, p.attrs.ToSlice())
				}
			}
			client.CloseIdleConnections()
			srv.Close()
		}
	}
}
