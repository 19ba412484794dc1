package trace_test

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"testing"
	"testing/iotest"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	metricnoop "go.opentelemetry.io/otel/metric/noop"
	"go.opentelemetry.io/otel/sdk/metric"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"

	"github.com/warmconn/warmconn/internal/stub"
	"github.com/warmconn/warmconn/roundtripper"
	"github.com/warmconn/warmconn/trace"
)

// badError is an error whose methods panic for a nil pointer.
type badError struct{ class string }

func (*badError) Error() string { return "bad" }

func (e *badError) ErrorType() string { return e.class }

// badTimeout is an error whose Timeout panics for a nil pointer.
type badTimeout struct{ timeout bool }

func (*badTimeout) Error() string { return "bad" }

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

type typed string

func (e typed) Error() string { return "typed" }

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
