package trace_test

import (
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"

	"go.opentelemetry.io/otel/attribute"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"

	"github.com/warmconn/warmconn/pool"
	"github.com/warmconn/warmconn/roundtripper"
	"github.com/warmconn/warmconn/trace"
)

// One span for each request says whether it reused its connection, and if not, why.
// The third request links to the one that cost its connection.
func Example() {
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/last" {
			w.Header().Set("Connection", "close")
		}
		io.WriteString(w, "hello")
	}))
	defer srv.Close()
	recorder := tracetest.NewSpanRecorder()
	tr := trace.New(trace.Options{TracerProvider: sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(recorder))})
	client := roundtripper.Client(srv.Client(), tr.Middleware, pool.New(pool.Options{}).Middleware)
	defer client.CloseIdleConnections()

	for _, path := range []string{"/first", "/last", "/next"} {
		get(client, srv.URL+path)
	}
	printSpans(recorder, "http.conn.reused", "warmconn.new_reason", "warmconn.lost_reason")
	spans := recorder.Ended()
	fmt.Println("to the second:", spans[2].Links()[0].SpanContext.SpanID() == spans[1].SpanContext().SpanID())
	// Output:
	// GET http.conn.reused=false warmconn.new_reason=first
	// GET http.conn.reused=true warmconn.lost_reason=server_close
	// GET http.conn.reused=false warmconn.new_reason=server_close and 1 link
	// to the second: true
}

// get makes a request and reads its answer.
func get(client *http.Client, url string) {
	resp, err := client.Get(url)
	if err != nil {
		log.Fatal(err)
	}
	io.Copy(io.Discard, resp.Body)
	resp.Body.Close()
}

// send sends a request and reads its answer.
func send(client *http.Client, req *http.Request, err error) {
	if err != nil {
		log.Fatal(err)
	}
	resp, err := client.Do(req)
	if err != nil {
		log.Fatal(err)
	}
	io.Copy(io.Discard, resp.Body)
	resp.Body.Close()
}

// printSpans prints the spans that have ended, with the given attributes if they have them.
func printSpans(r *tracetest.SpanRecorder, keys ...attribute.Key) {
	for _, s := range r.Ended() {
		fmt.Print(s.Name())
		set := attribute.NewSet(s.Attributes()...)
		for _, k := range keys {
			if v, ok := set.Value(k); ok {
				fmt.Printf(" %s=%s", k, v.String())
			}
		}
		if n := len(s.Links()); n > 0 {
			fmt.Printf(" and %d link", n)
		}
		fmt.Println()
	}
}

// A Tracer with providers of the program's own. Without them it uses the global ones.
func ExampleNew() {
	recorder := tracetest.NewSpanRecorder()
	tp := sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(recorder))
	tr := trace.New(trace.Options{TracerProvider: tp})

	client := roundtripper.Client(&http.Client{Transport: answer{}}, tr.Middleware)
	get(client, "http://api.example/users")
	printSpans(recorder, "url.full", "http.response.status_code")
	// Output: GET url.full=http://api.example/users http.response.status_code=200
}

// answer is a base that answers every request with 200, without a network.
type answer struct{}

func (answer) RoundTrip(req *http.Request) (*http.Response, error) {
	return &http.Response{StatusCode: http.StatusOK, Header: http.Header{"X-Region": {"eu"}}, Body: http.NoBody, Request: req}, nil
}

// One Tracer serves any number of clients.
func ExampleTracer() {
	recorder := tracetest.NewSpanRecorder()
	tr := trace.New(trace.Options{TracerProvider: sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(recorder))})
	users := roundtripper.Client(&http.Client{Transport: answer{}}, tr.Middleware)
	orders := roundtripper.Client(&http.Client{Transport: answer{}}, tr.Middleware)

	get(users, "https://users.example/")
	get(orders, "https://orders.example/")
	printSpans(recorder, "server.address", "server.port")
	// Output:
	// GET server.address=users.example server.port=443
	// GET server.address=orders.example server.port=443
}

// Middleware also wraps a RoundTripper directly.
func ExampleTracer_Middleware() {
	recorder := tracetest.NewSpanRecorder()
	tr := trace.New(trace.Options{TracerProvider: sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(recorder))})
	rt := tr.Middleware(answer{})
	fmt.Print(roundtripper.Describe(rt))
	get(&http.Client{Transport: rt}, "http://api.example/")
	printSpans(recorder, "http.request.method")
	// Output:
	// trace: one client span for each exchange
	// trace_test.answer
	// GET http.request.method=GET
}
