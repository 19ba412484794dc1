package trace_test

import (
	"io"
	"net/http"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"go.opentelemetry.io/otel/sdk/metric"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"

	"github.com/warmconn/warmconn/drain"
	"github.com/warmconn/warmconn/internal/eventually"
	"github.com/warmconn/warmconn/internal/testserver"
	"github.com/warmconn/warmconn/pool"
	"github.com/warmconn/warmconn/roundtripper"
	"github.com/warmconn/warmconn/trace"
)

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

// The connections of each attempt of a retrier are counted once, also if a Tracer stands above
// the retrier as well.
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

// A body that is dropped above foreign middleware is also dropped below, unless the middleware
// has read it.
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
			eventually.Collected(t, "the leak", func() bool { return len(recorder.Ended()) == 1 && leaks() > 0 })
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

// thrice sends each request three times.
type thrice struct{ next http.RoundTripper }

func (h thrice) RoundTrip(req *http.Request) (resp *http.Response, err error) {
	for i := range 3 {
		resp, err = h.next.RoundTrip(req.Clone(req.Context()))
		if err == nil && i < 2 {
			io.Copy(io.Discard, resp.Body)
			resp.Body.Close()
		}
	}
	return resp, err
}

// Every connection of a retrier's attempts is counted once, with or without layers above the
// retrier: a trace layer there knows the last one only.
func TestConnectionsOfAttemptsAreCountedOnce(t *testing.T) {
	above := map[string]func(http.RoundTripper) http.RoundTripper{
		"nothing": func(rt http.RoundTripper) http.RoundTripper { return rt },
		"pool":    pool.New(pool.Options{}).Middleware,
		"drain":   drain.New(drain.Options{}).Middleware,
	}
	for name, layer := range above {
		for _, closes := range []bool{false, true} {
			srv := testserver.New(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				if closes {
					w.Header().Set("Connection", "close")
				}
				io.WriteString(w, "hello")
			}), testserver.Options{})
			defer srv.Close()
			base := srv.Transport()
			defer base.CloseIdleConnections()
			reader := metric.NewManualReader()
			o := trace.Options{MeterProvider: metric.NewMeterProvider(metric.WithReader(reader))}
			rt := trace.New(o).Middleware(layer(thrice{trace.New(o).Middleware(base)}))
			req, _ := http.NewRequest("GET", srv.URL, nil)
			resp, err := rt.RoundTrip(req)
			if err != nil {
				t.Fatal(err)
			}
			io.Copy(io.Discard, resp.Body)
			resp.Body.Close()
			opened := collect(t, reader)["warmconn.connection.new {connection}"]
			if all, first := sum(opened, "", ""), sum(opened, "warmconn.new_reason", "first"); all != float64(srv.Opened()) || first != 1 {
				t.Errorf("%s above, server closes %v: %v connections, %v of them the first; the server saw %d", name, closes, all, first, srv.Opened())
			}
		}
	}
}
