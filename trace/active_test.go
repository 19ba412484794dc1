package trace_test

import (
	"io"
	"net/http"
	"testing"
	"time"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/sdk/metric"

	"github.com/warmconn/warmconn/internal/eventually"
	"github.com/warmconn/warmconn/internal/testserver"
	"github.com/warmconn/warmconn/roundtripper"
	"github.com/warmconn/warmconn/trace"
)

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

// The caller may change its request once RoundTrip has failed, or the body was dropped: the
// end is counted for the series in which the beginning was.
func TestActiveRequestsComeBackToZeroIfTheRequestIsReused(t *testing.T) {
	r := newRig(t, func(w http.ResponseWriter, _ *http.Request) { w.(http.Flusher).Flush(); ok(w, nil) }, testserver.Options{})
	func() {
		req, _ := http.NewRequest("GET", r.srv.URL, nil)
		if _, err := r.client.Transport.RoundTrip(req); err != nil {
			t.Fatal(err)
		}
		req.Method = "POST" // the body is dropped
	}()
	eventually.Collected(t, "the span to end", func() bool { return len(r.recorder.Ended()) == 1 })
	for _, p := range collect(t, r.reader)["http.client.active_requests {request}"] {
		if p.value != 0 {
			t.Errorf("%v requests under way in %v, want none", p.value, p.attrs.ToSlice())
		}
	}
}
