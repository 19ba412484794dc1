package warmconn_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"time"

	"github.com/warmconn/warmconn"
	"github.com/warmconn/warmconn/drain"
	"github.com/warmconn/warmconn/pool"
	"github.com/warmconn/warmconn/roundtripper"
	"github.com/warmconn/warmconn/trace"
)

// newServer answers each request with a little JSON.
func newServer() *httptest.Server {
	return httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		io.WriteString(w, `{"items":[1,2,3]}`)
	}))
}

// status sends a request for its status alone, and closes the body unread, as programs do.
func status(client *http.Client, url string) {
	resp, err := client.Get(url)
	if err != nil {
		log.Fatal(err)
	}
	resp.Body.Close()
}

// Wrap an existing client. Bodies that it closes unread cost no connection any more.
func ExampleNew() {
	srv := newServer()
	defer srv.Close()
	client := srv.Client() // any client

	kit := warmconn.New(warmconn.Options{})
	client = kit.Client(client)
	for range 3 {
		status(client, srv.URL)
	}
	s := kit.Stats()
	fmt.Println(s.Requests, "requests,", s.Opened, "connection")
	// Output: 3 requests, 1 connection
}

// Each layer has options of its own. An SDK puts them all into its own Options.
func ExampleOptions() {
	kit := warmconn.New(warmconn.Options{
		Drain: drain.Options{Policy: drain.Never},
		Pool:  pool.Options{MaxPerHost: 8},
		Trace: trace.Options{Skip: func(r *http.Request) bool { return r.URL.Path == "/healthz" }},
	})
	for line := range strings.Lines(roundtripper.Describe(kit.Base())) {
		fmt.Println(strings.SplitN(strings.TrimSpace(line), ";", 2)[0])
	}
	// Output:
	// trace: one client span for each exchange
	// drain: never
	// pool: at most 8 in flight per host
	// *http.Transport
}

// A Kit's fields are its layers, for methods that the Kit itself does not have.
func ExampleKit() {
	srv := newServer()
	defer srv.Close()

	kit := warmconn.New(warmconn.Options{})
	client := kit.Client(nil)
	fmt.Println(kit.Pool.Warm(context.Background(), client.Transport, srv.URL, 2))
	// Output: 2 <nil>
}

// Client returns a copy of the client with the kit on it.
func ExampleKit_Client() {
	kit := warmconn.New(warmconn.Options{})
	own := &http.Client{Timeout: time.Minute}
	client := kit.Client(own)
	fmt.Println(client.Timeout, own.Transport == nil)
	// Output: 1m0s true
}

// Stats count requests and connections, in all and by host.
func ExampleKit_Stats() {
	srv := newServer()
	defer srv.Close()

	kit := warmconn.New(warmconn.Options{})
	client := kit.Client(nil)
	defer client.CloseIdleConnections()
	for range 3 {
		status(client, srv.URL)
	}
	for _, h := range kit.Stats().Hosts {
		fmt.Println(h.Requests, "requests over", h.Opened, "connection,", h.BytesDrained, "bytes drained")
	}
	// Output: 3 requests over 1 connection, 51 bytes drained
}

// An SDK that takes an http.RoundTripper, with a limit for each host.
func ExampleKit_Wrap() {
	srv := newServer()
	defer srv.Close()

	kit := warmconn.New(warmconn.Options{Pool: pool.Options{MaxPerHost: 8}})
	sdk := struct{ Transport http.RoundTripper }{
		Transport: kit.Wrap(nil), // nil: http.DefaultTransport
	}
	status(&http.Client{Transport: sdk.Transport}, srv.URL)
	fmt.Println("at most", kit.Stats().Hosts[0].Limit, "at a time")
	// Output: at most 8 at a time
}

// The kit among layers of one's own, one of which is told of each exchange. An Exchange
// prints as a sentence:
//
//	GET api.example:443 200 in 12 ms: new connection (body_unread by list.go:40), TLS 1.3, 3 ms
func ExampleKit_Middleware() {
	srv := newServer()
	defer srv.Close()

	kit := warmconn.New(warmconn.Options{})
	observe := roundtripper.Observe(roundtripper.Observer{
		End: func(_ context.Context, e roundtripper.Exchange) {
			fmt.Printf("%s %d: reused %v, %d bytes drained\n", e.Method, e.StatusCode, e.Reused, e.BytesDrained)
		},
	})
	client := roundtripper.Client(http.DefaultClient, observe, kit.Middleware)
	status(client, srv.URL)
	status(client, srv.URL)
	// Output:
	// GET 200: reused false, 17 bytes drained
	// GET 200: reused true, 17 bytes drained
}

// Another middleware wraps the kit, so that the kit owns the connections.
func ExampleKit_Base() {
	srv := newServer()
	defer srv.Close()

	kit := warmconn.New(warmconn.Options{Annotate: true})
	client := &http.Client{Transport: retrier{kit.Base()}} // otelhttp.NewTransport(kit.Base())
	status(client, srv.URL)
	for _, c := range kit.Pool.Conns() {
		fmt.Println(c.Proto, c.State, "after", c.Uses, "use")
	}
	runtime.KeepAlive(client) // the connections of a client that is dropped are closed
	// Output: HTTP/1.1 idle after 1 use
}

// retrier stands for a middleware that can't be looked through.
type retrier struct{ next http.RoundTripper }

func (r retrier) RoundTrip(req *http.Request) (*http.Response, error) { return r.next.RoundTrip(req) }

// Be told where the kit can't do its work.
func ExampleOptions_onWarning() {
	kit := warmconn.New(warmconn.Options{
		OnWarning: func(w pool.Warning) {
			fmt.Println(w.Kind)
			fmt.Println(w)
		},
	})
	kit.Client(&http.Client{Transport: retrier{http.DefaultTransport}})
	// Output:
	// stands_outside
	// pool only counts requests, and owns no connections: it stands outside of a warmconn_test.retrier; wrap what that wraps
}

// At the end of a program: requests in flight end, and nothing is left open.
func ExampleKit_Shutdown() {
	kit := warmconn.New(warmconn.Options{})
	client := kit.Client(nil)

	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	fmt.Println(kit.Shutdown(ctx))
	_, err := client.Get("http://127.0.0.1:1/")
	fmt.Println(errors.Is(err, pool.ErrClosed))
	// Output:
	// <nil>
	// true
}
