package drain_test

import (
	"context"
	"fmt"
	"log"
	"net/http"
	"net/http/httptest"
	"time"

	"github.com/warmconn/warmconn/drain"
	"github.com/warmconn/warmconn/roundtripper"
)

// A program that looks at the status alone leaves the body unread. With the drain
// under its client the next request finds the connection all the same.
func Example() {
	srv := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprint(w, "hello")
	}))
	defer srv.Close()

	client := roundtripper.Client(srv.Client(), drain.New(drain.Options{}).Middleware)
	defer client.CloseIdleConnections()
	for range 2 {
		resp, err := client.Get(srv.URL)
		if err != nil {
			log.Fatal(err)
		}
		resp.Body.Close()
		e, _ := roundtripper.ExchangeOf(resp)
		fmt.Printf("%s, on a connection that was there: %v\n", resp.Status, e.Reused)
	}
	// Output:
	// 200 OK, on a connection that was there: false
	// 200 OK, on a connection that was there: true
}

// New takes the Options by value, so that an SDK can embed them in its own. The
// zero Options are right for most programs.
func ExampleNew() {
	type Config struct {
		Endpoint string
		Drain    drain.Options
	}
	cfg := Config{Endpoint: "https://api.example.com"}
	d := drain.New(cfg.Drain)
	fmt.Print(roundtripper.Describe(d.Middleware(&http.Transport{})))
	// Output:
	// drain: on Close, as far as a new connection is worth, at most 64 MiB and 500ms
	// *http.Transport
}

// One Drainer serves any number of clients. Each keeps its own transport.
func ExampleDrainer() {
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprint(w, "hello")
	}))
	defer srv.Close()

	d := drain.New(drain.Options{Policy: drain.Fixed, MaxTime: time.Second})
	told := roundtripper.Observe(roundtripper.Observer{End: func(_ context.Context, e roundtripper.Exchange) {
		fmt.Println(e.Method, e.Outcome, e.BytesDrained)
	}})
	orders := roundtripper.Client(&http.Client{Transport: &http.Transport{}}, told, d.Middleware)
	defer orders.CloseIdleConnections()
	search := roundtripper.Client(&http.Client{Transport: &http.Transport{}}, told, d.Middleware)
	defer search.CloseIdleConnections()

	resp, err := orders.Post(srv.URL, "text/plain", nil)
	if err != nil {
		log.Fatal(err)
	}
	resp.Body.Close()
	resp, err = search.Get(srv.URL)
	if err != nil {
		log.Fatal(err)
	}
	resp.Body.Close()
	// Output:
	// POST drained 5
	// GET drained 5
}

// Middleware goes around any RoundTripper, and the result is the Transport of an
// http.Client.
func ExampleDrainer_Middleware() {
	d := drain.New(drain.Options{})
	client := &http.Client{Transport: d.Middleware(&http.Transport{})}

	_, ok := roundtripper.As[*http.Transport](client.Transport)
	fmt.Println("the transport can still be found:", ok)
	// Output: the transport can still be found: true
}

// A program needs the first record of a long list, and the rest would take longer than a
// new connection: the context says that it is not to be read.
func ExampleExempt() {
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		for i := range 1000 {
			fmt.Fprintln(w, "record", i)
		}
	}))
	defer srv.Close()

	client := roundtripper.Client(&http.Client{Transport: &http.Transport{}},
		roundtripper.Observe(roundtripper.Observer{End: func(_ context.Context, e roundtripper.Exchange) {
			fmt.Println(e.Outcome, e.Skipped)
		}}),
		drain.New(drain.Options{}).Middleware)
	defer client.CloseIdleConnections()

	req, err := http.NewRequestWithContext(drain.Exempt(context.Background()), "GET", srv.URL, nil)
	if err != nil {
		log.Fatal(err)
	}
	resp, err := client.Do(req)
	if err != nil {
		log.Fatal(err)
	}
	defer resp.Body.Close()
	var i int
	fmt.Fscanf(resp.Body, "record %d\n", &i)
	fmt.Println("the first is", i)
	// Output:
	// the first is 0
	// skipped exempt
}
