package trace_test

import (
	"context"
	"fmt"
	"net/http"

	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"

	"github.com/warmconn/warmconn/roundtripper"
	"github.com/warmconn/warmconn/trace"
)

// A health check needs no span.
func ExampleExempt() {
	recorder := tracetest.NewSpanRecorder()
	tr := trace.New(trace.Options{TracerProvider: sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(recorder))})
	client := roundtripper.Client(&http.Client{Transport: answer{}}, tr.Middleware)

	req, err := http.NewRequestWithContext(trace.Exempt(context.Background()), "GET", "http://api.example/healthz", nil)
	send(client, req, err)
	fmt.Println(len(recorder.Ended()), "spans")
	// Output: 0 spans
}

// A retrier sets the number of the attempt.
func ExampleResendCount() {
	recorder := tracetest.NewSpanRecorder()
	tr := trace.New(trace.Options{TracerProvider: sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(recorder))})
	client := roundtripper.Client(&http.Client{Transport: answer{}}, tr.Middleware)

	for attempt := range 3 {
		ctx := trace.ResendCount(context.Background(), attempt)
		req, err := http.NewRequestWithContext(ctx, "GET", "http://api.example/", nil)
		send(client, req, err)
	}
	printSpans(recorder, "http.request.resend_count")
	// Output:
	// GET
	// GET http.request.resend_count=1
	// GET http.request.resend_count=2
}

// An SDK knows the template of its URLs: spans of one operation have one name.
func ExampleURLTemplate() {
	recorder := tracetest.NewSpanRecorder()
	tr := trace.New(trace.Options{TracerProvider: sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(recorder))})
	client := roundtripper.Client(&http.Client{Transport: answer{}}, tr.Middleware)

	ctx := trace.URLTemplate(context.Background(), "/users/{id}")
	req, err := http.NewRequestWithContext(ctx, "GET", "http://api.example/users/7", nil)
	send(client, req, err)
	printSpans(recorder, "url.template", "url.full")
	// Output: GET /users/{id} url.template=/users/{id} url.full=http://api.example/users/7
}
