package trace_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"

	"go.opentelemetry.io/otel/attribute"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	oteltrace "go.opentelemetry.io/otel/trace"

	"github.com/warmconn/warmconn/internal/testserver"
	"github.com/warmconn/warmconn/roundtripper"
	"github.com/warmconn/warmconn/trace"
)

// inTwoSpans makes two requests, each in a span of its caller's, and closes their
// bodies unread.
func inTwoSpans(t *testing.T, tp *sdktrace.TracerProvider, client *http.Client, url string) {
	t.Helper()
	for range 2 {
		ctx, span := tp.Tracer("caller").Start(t.Context(), "caller")
		req, _ := http.NewRequestWithContext(ctx, "GET", url, nil)
		resp, err := client.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		span.End()
	}
}

// A span that has the reason for its connection already has one link for it, also if another
// Tracer annotates it.
func TestAnnotatedSpanHasOneLinkToItsCulprit(t *testing.T) {
	srv := testserver.New(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Connection", "close")
	}), testserver.Options{})
	defer srv.Close()
	somebodyElse := func(next http.RoundTripper) http.RoundTripper { return opaque{next} }
	for name, row := range map[string]struct {
		outer   bool // the outer Tracer annotates, too
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
			inTwoSpans(t, tp, client, srv.URL)
			for _, s := range recorder.Ended() {
				links += len(s.Links())
			}
			if links != 1 {
				t.Errorf("%d links for one lost connection, want 1", links)
			}
		})
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
	inTwoSpans(t, tp, client, srv.URL)
	spans := recorder.Ended()
	if l := spans[1].Links(); len(l) != 1 || l[0].SpanContext.SpanID() != spans[0].SpanContext().SpanID() {
		t.Errorf("links %v (%v), want one to %v", l, attrs(spans[1]), spans[0].SpanContext().SpanID())
	}
}

// The middleware that makes the span stands for otelhttp: its span ends with the body.
func TestAnnotateWritesOnTheSpanOfTheContext(t *testing.T) {
	recorder := tracetest.NewSpanRecorder()
	tp := sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(recorder))
	var outer oteltrace.Span
	spans := once(t, trace.Options{Annotate: true, ResponseHeaders: []string{"X-Answer"}}, in(func(ctx context.Context) context.Context {
		ctx, outer = tp.Tracer("outer").Start(ctx, "outer")
		return ctx
	}))
	if len(spans) != 0 {
		t.Errorf("spans of its own: %v", names(spans))
	}
	outer.End()
	if got := names(recorder.Ended()); !slices.Equal(got, []string{"outer"}) {
		t.Fatalf("spans %v, want the outer one", got)
	}
	want(t, recorder.Ended()[0], map[attribute.Key]any{
		"http.conn.reused": false, "warmconn.new_reason": "first", "warmconn.outcome": "eof", "warmconn.lost_reason": nil,
		"http.response.header.x-answer": []string{"42"}, "http.request.method": nil, "http.response.status_code": nil, "url.full": nil,
	})
}

// A span that is over, or is not recorded, is left alone.
func TestAnnotateLeavesDeadSpansAlone(t *testing.T) {
	if spans := once(t, trace.Options{Annotate: true}, nil); len(spans) != 0 {
		t.Errorf("without a span in the context: %v", names(spans))
	}
	recorder := tracetest.NewSpanRecorder()
	tp := sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(recorder))
	once(t, trace.Options{Annotate: true}, in(func(ctx context.Context) context.Context {
		ctx, s := tp.Tracer("outer").Start(ctx, "outer")
		s.End()
		return ctx
	}))
	want(t, recorder.Ended()[0], map[attribute.Key]any{"http.conn.reused": nil, "warmconn.outcome": nil})
}
