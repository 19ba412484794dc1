package roundtripper_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"time"

	"github.com/warmconn/warmconn/drain"
	"github.com/warmconn/warmconn/pool"
	"github.com/warmconn/warmconn/roundtripper"
)

// The facts of the request and its response.
func ExampleExchange() {
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusAccepted)
	}))
	defer srv.Close()
	client := roundtripper.Client(srv.Client(), roundtripper.Observe(roundtripper.Observer{
		End: func(_ context.Context, e roundtripper.Exchange) {
			fmt.Println(e.Method, e.Host == srv.URL, e.StatusCode, e.Proto)
			fmt.Println(!e.Start.IsZero(), e.Duration > 0)
		},
	}))
	if _, err := client.Post(srv.URL, "text/plain", strings.NewReader("hello")); err != nil {
		fmt.Println(err)
	}
	// Output:
	// POST true 202 HTTP/1.1
	// true true
}

// The facts of the connection: its number, its ends, and its uses before this one.
func ExampleExchange_connection() {
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		io.WriteString(w, "hello")
	}))
	defer srv.Close()
	client := roundtripper.Client(srv.Client(), roundtripper.Observe(roundtripper.Observer{
		End: func(_ context.Context, e roundtripper.Exchange) {
			fmt.Println("connection", e.ConnID, "use", e.ConnUses, "to the server:", "http://"+e.RemoteAddr.String() == srv.URL, "from:", e.LocalAddr.Network())
			fmt.Println("  reused:", e.Reused, "was idle:", e.WasIdle, e.IdleTime > 0, "has an age:", e.ConnAge > 0, "returned:", e.Returned)
		},
	}))
	for range 2 {
		if _, err := read(client, srv.URL); err != nil {
			fmt.Println(err)
		}
	}
	// Output:
	// connection 1 use 1 to the server: true from: tcp
	//   reused: false was idle: false false has an age: false returned: true
	// connection 1 use 2 to the server: true from: tcp
	//   reused: true was idle: true true has an age: true returned: true
}

// The facts of waiting: for a slot of the pool; for a connection; and how much of that was
// DNS, connect and TLS.
func ExampleExchange_waits() {
	srv := httptest.NewTLSServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	defer srv.Close()
	client := roundtripper.Client(srv.Client(), roundtripper.Observe(roundtripper.Observer{
		End: func(_ context.Context, e roundtripper.Exchange) {
			fmt.Println("for a slot:", e.PoolWait)
			fmt.Println("for a connection:", e.ConnWait > 0)
			fmt.Println("made for this exchange:", e.OwnDial, "or dialed by another one:", e.DialedBy != roundtripper.Culprit{})
			fmt.Println("DNS:", e.DNS, "connect:", e.Connect > 0, "TLS:", e.TLS > 0)
		},
	}), pool.New(pool.Options{MaxPerHost: 8}).Middleware)
	defer client.CloseIdleConnections()
	if _, err := read(client, srv.URL); err != nil {
		fmt.Println(err)
	}
	// Output:
	// for a slot: 0s
	// for a connection: true
	// made for this exchange: true or dialed by another one: false
	// DNS: 0s connect: true TLS: true
}

// The facts of the body: how much the caller has read, and how much the drain after that.
func ExampleExchange_body() {
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/events" {
			w.Header().Set("Content-Type", "text/event-stream")
		}
		io.WriteString(w, "hello, world")
	}))
	defer srv.Close()
	client := roundtripper.Client(srv.Client(), roundtripper.Observe(roundtripper.Observer{
		End: func(_ context.Context, e roundtripper.Exchange) {
			fmt.Printf("%s, read: %d, leaked: %v\n", e.Outcome, e.BytesRead, e.Leaked)
			fmt.Printf("  drained: %d, took time: %v, in the background: %v, skipped: %q\n", e.BytesDrained, e.DrainTime > 0, e.Background, e.Skipped)
		},
	}), drain.New(drain.Options{Policy: drain.Fixed, MaxTime: time.Minute}).Middleware)
	defer client.CloseIdleConnections()
	for _, path := range []string{"/", "/events"} {
		resp, err := client.Get(srv.URL + path)
		if err != nil {
			fmt.Println(err)
			return
		}
		io.ReadFull(resp.Body, make([]byte, 5)) // hello
		resp.Body.Close()
	}
	// Output:
	// drained, read: 5, leaked: false
	//   drained: 7, took time: true, in the background: false, skipped: ""
	// skipped, read: 5, leaked: false
	//   drained: 0, took time: false, in the background: false, skipped: "event_stream"
}

// An adaptive drain takes no longer than a new connection would.
func ExampleExchange_dialCost() {
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		io.WriteString(w, "hello, world")
	}))
	defer srv.Close()
	client := roundtripper.Client(srv.Client(), roundtripper.Observe(roundtripper.Observer{
		End: func(_ context.Context, e roundtripper.Exchange) {
			fmt.Println("a new connection has a cost:", e.DialCost > 0)
		},
	}), drain.New(drain.Options{}).Middleware)
	resp, err := client.Get(srv.URL)
	if err != nil {
		fmt.Println(err)
		return
	}
	resp.Body.Close() // unread
	// Output: a new connection has a cost: true
}

// The facts of a failure: the error as RoundTrip returned it.
func ExampleExchange_error() {
	down := errors.New("proxy said: no route for user alice")
	client := roundtripper.Client(&http.Client{Transport: roundtripper.Func(func(*http.Request) (*http.Response, error) {
		return nil, down
	})}, roundtripper.Observe(roundtripper.Observer{
		End: func(_ context.Context, e roundtripper.Exchange) {
			fmt.Println(e.Outcome, errors.Is(e.Err, down), e.StatusCode)
		},
	}))
	client.Get("http://api.example/")
	// Output: failed true 0
}

// A line for a log.
func ExampleExchange_String() {
	e := roundtripper.Exchange{
		Method: "GET", Host: "https://api.example:443", StatusCode: 200, Duration: 12 * time.Millisecond,
		NewReason: roundtripper.ReasonBodyUnread, Culprit: roundtripper.Culprit{Caller: "shop/list.go:40 shop.List"},
		ConnWait: 3 * time.Millisecond, Outcome: roundtripper.OutcomeEOF,
	}
	fmt.Println(e.String())
	// Output: GET api.example:443 200 in 12 ms: new connection (body_unread by list.go:40), 3 ms
}

// The verbs %v and %s print the line, and %+v the fields. Neither shows the text of
// the error.
func ExampleExchange_Format() {
	e := roundtripper.Exchange{
		Method: "GET", Host: "https://api.example:443", Outcome: roundtripper.OutcomeFailed,
		Err: fmt.Errorf("token 1234: %w", context.DeadlineExceeded),
	}
	fmt.Printf("%v\n", e)
	fields := fmt.Sprintf("%+v", e)
	fmt.Println(strings.Contains(fields, "Err:timeout"), strings.Contains(fields, "1234"))
	// Output:
	// GET api.example:443 failed (timeout) in 0 µs
	// true false
}

func ExampleExchange_MarshalJSON() {
	e := roundtripper.Exchange{
		Method: "GET", Outcome: roundtripper.OutcomeFailed,
		Err: fmt.Errorf("token 1234: %w", context.DeadlineExceeded),
	}
	text, err := json.Marshal(e)
	if err != nil {
		fmt.Println(err)
		return
	}
	var fields map[string]any
	if err := json.Unmarshal(text, &fields); err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(fields["Method"], fields["Outcome"], fields["Err"])
	// Output: GET failed timeout
}
