package roundtripper_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"path"
	"strings"

	sdktrace "go.opentelemetry.io/otel/sdk/trace"

	"github.com/warmconn/warmconn/pool"
	"github.com/warmconn/warmconn/roundtripper"
	"github.com/warmconn/warmconn/trace"
)

// Why connections are lost, and why the next ones had to be made. Expect words that
// are not listed.
func ExampleNewReason() {
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/last" {
			w.Header().Set("Connection", "close")
		}
	}))
	defer srv.Close()
	client := roundtripper.Client(srv.Client(), roundtripper.Observe(roundtripper.Observer{
		End: func(_ context.Context, e roundtripper.Exchange) {
			fmt.Printf("reused: %v, new because: %q, lost because: %q\n", e.Reused, e.NewReason, e.LostReason)
			if e.NewReason == roundtripper.ReasonServerClose {
				fmt.Println("the server should keep its connections open")
			}
		},
	}))
	for _, path := range []string{"/", "/last", "/"} {
		if _, err := read(client, srv.URL+path); err != nil {
			fmt.Println(err)
		}
	}
	// Output:
	// reused: false, new because: "first", lost because: ""
	// reused: true, new because: "", lost because: "server_close"
	// reused: false, new because: "server_close", lost because: ""
	// the server should keep its connections open
}

// The culprit of a new connection: the span of the earlier exchange, if there are spans, and
// the call site, if pool takes it.
func ExampleCulprit() {
	srv := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	defer srv.Close()
	client := roundtripper.Client(srv.Client(),
		roundtripper.Observe(roundtripper.Observer{End: func(_ context.Context, e roundtripper.Exchange) {
			if e.Culprit == (roundtripper.Culprit{}) {
				return
			}
			_, function, _ := strings.Cut(e.Culprit.Caller, " ") // after the file and line
			fmt.Println(e.NewReason, "by", path.Base(function))
			fmt.Println("in a span:", e.Culprit.TraceID != [16]byte{}, e.Culprit.SpanID != [8]byte{})
		}}),
		trace.New(trace.Options{TracerProvider: sdktrace.NewTracerProvider()}).Middleware,
		pool.New(pool.Options{AlwaysCaller: true}).Middleware,
	)
	defer client.CloseIdleConnections()
	lastRequest(client, srv.URL)
	if _, err := read(client, srv.URL); err != nil {
		fmt.Println(err)
	}
	// Output:
	// client_close by roundtripper_test.lastRequest
	// in a span: true true
}

// lastRequest makes a request that asks for its connection to be closed.
func lastRequest(client *http.Client, url string) {
	req, err := http.NewRequest("GET", url, nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	req.Close = true
	resp, err := client.Do(req)
	if err != nil {
		fmt.Println(err)
		return
	}
	io.Copy(io.Discard, resp.Body)
	resp.Body.Close()
}
