package trace_test

import (
	"context"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"

	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"

	"github.com/warmconn/warmconn/pool"
	"github.com/warmconn/warmconn/roundtripper"
	"github.com/warmconn/warmconn/trace"
)

// The phases of a request, as events on its span or as spans below it.
func ExamplePhases() {
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "hello") }))
	defer srv.Close()
	for _, phases := range []trace.Phases{trace.PhasesOff, trace.PhaseEvents, trace.PhaseSpans} {
		recorder := tracetest.NewSpanRecorder()
		tr := trace.New(trace.Options{TracerProvider: sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(recorder)), Phases: phases})
		base := &http.Transport{}
		get(roundtripper.Client(&http.Client{Transport: base}, tr.Middleware), srv.URL)
		base.CloseIdleConnections()

		var events, spans []string
		for _, s := range recorder.Ended() {
			spans = append(spans, s.Name())
			for _, e := range s.Events() {
				events = append(events, strings.ReplaceAll(e.Name, srv.Listener.Addr().String(), "ADDR"))
			}
		}
		slices.Sort(spans)
		slices.Sort(events)
		fmt.Println(len(events), "events, spans:", strings.Join(spans, " "))
		for _, e := range events {
			fmt.Println("  " + e)
		}
	}
	// Output:
	// 0 events, spans: GET
	// 8 events, spans: GET
	//   http.connect.ADDR.done
	//   http.connect.ADDR.start
	//   http.getconn.done
	//   http.getconn.start
	//   http.receive.done
	//   http.receive.start
	//   http.send.done
	//   http.send.start
	// 0 events, spans: GET http.connect http.getconn http.headers http.receive http.send
}

// Phases with the request's headers: headers that hold secrets are masked.
func ExampleOptions_phases() {
	srv := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	defer srv.Close()
	recorder := tracetest.NewSpanRecorder()
	tr := trace.New(trace.Options{
		TracerProvider: sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(recorder)),
		Phases:         trace.PhaseEvents,
		PhaseHeaders:   true,
	})
	client := roundtripper.Client(srv.Client(), tr.Middleware)
	req, err := http.NewRequest("GET", srv.URL, nil)
	if err != nil {
		log.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer 1234")
	req.Header.Set("Accept", "text/plain")
	send(client, req, err)
	printSpans(recorder, "http.request.header.accept", "http.request.header.authorization")
	// Output: GET http.request.header.accept=text/plain http.request.header.authorization=****
}

// The making of a connection is a trace of its own, and each of its requests links to that.
func ExampleOptions_connectionSpans() {
	srv := httptest.NewTLSServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	defer srv.Close()
	recorder := tracetest.NewSpanRecorder()
	tr := trace.New(trace.Options{
		TracerProvider:  sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(recorder)),
		ConnectionSpans: true,
	})
	client := roundtripper.Client(srv.Client(), tr.Middleware, pool.New(pool.Options{}).Middleware)
	defer client.CloseIdleConnections()
	for range 2 {
		get(client, srv.URL)
	}
	printSpans(recorder, "warmconn.conn_uses")
	// Output:
	// wait_for_connection
	// connect
	// tls
	// connection_setup
	// GET warmconn.conn_uses=1 and 1 link
	// GET warmconn.conn_uses=2 and 1 link
}

// The span of a body that is read slowly ends when it is closed, or with EndAtHeaders
// when its response has come.
func ExampleOptions_endAtHeaders() {
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "hello") }))
	defer srv.Close()
	for _, atHeaders := range []bool{false, true} {
		recorder := tracetest.NewSpanRecorder()
		tr := trace.New(trace.Options{
			TracerProvider: sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(recorder)),
			EndAtHeaders:   atHeaders,
		})
		resp, err := roundtripper.Client(srv.Client(), tr.Middleware).Get(srv.URL)
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(len(recorder.Ended()), "ended with the headers")
		io.Copy(io.Discard, resp.Body)
		resp.Body.Close()
		printSpans(recorder, "http.response.status_code", "warmconn.outcome")
	}
	// Output:
	// 0 ended with the headers
	// GET http.response.status_code=200 warmconn.outcome=eof
	// 1 ended with the headers
	// GET http.response.status_code=200
}

// Another middleware makes the spans. The connection's facts go onto them.
func ExampleOptions_annotate() {
	srv := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	defer srv.Close()
	recorder := tracetest.NewSpanRecorder()
	theirs := sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(recorder)).Tracer("theirs")
	client := roundtripper.Client(srv.Client(), trace.New(trace.Options{Annotate: true}).Middleware)

	ctx, span := theirs.Start(context.Background(), "list users")
	req, err := http.NewRequestWithContext(ctx, "GET", srv.URL, nil)
	send(client, req, err)
	span.End()
	printSpans(recorder, "http.conn.reused", "warmconn.new_reason", "warmconn.outcome")
	// Output: list users http.conn.reused=false warmconn.new_reason=first warmconn.outcome=none
}
