package roundtripper_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"

	"github.com/warmconn/warmconn/pool"
	"github.com/warmconn/warmconn/roundtripper"
)

// Count the bytes of every host.
func ExampleObserve() {
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		io.WriteString(w, "hello")
	}))
	defer srv.Close()

	bytes := map[string]int64{} // a program with many goroutines needs a mutex, too
	client := roundtripper.Client(srv.Client(), roundtripper.Observe(roundtripper.Observer{
		End: func(_ context.Context, e roundtripper.Exchange) { bytes[e.Host] += e.BytesRead },
	}))
	for range 3 {
		if _, err := read(client, srv.URL); err != nil {
			fmt.Println(err)
		}
	}
	fmt.Println(bytes[srv.URL])
	// Output: 15
}

// read reads the body at url.
func read(client *http.Client, url string) (string, error) {
	resp, err := client.Get(url)
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	return string(body), err
}

// The context is the request's, so that an Observer can read the caller's values in it.
func ExampleObserver() {
	type tenant struct{}
	client := roundtripper.Client(&http.Client{Transport: roundtripper.Func(func(*http.Request) (*http.Response, error) {
		return &http.Response{StatusCode: http.StatusNotFound, Body: http.NoBody}, nil
	})}, roundtripper.Observe(roundtripper.Observer{
		End: func(ctx context.Context, e roundtripper.Exchange) {
			fmt.Println(ctx.Value(tenant{}), e.Method, e.Host, e.StatusCode, e.Outcome)
		},
	}))
	ctx := context.WithValue(context.Background(), tenant{}, "tenant 42")
	req, err := http.NewRequestWithContext(ctx, "GET", "https://api.example/a", nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	if _, err := client.Do(req); err != nil {
		fmt.Println(err)
	}
	// Output: tenant 42 GET https://api.example:443 404 none
}

// A caller asks about its own response, without an observer. While the body is open
// there is no outcome yet.
func ExampleExchangeOf() {
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		io.WriteString(w, "hello")
	}))
	defer srv.Close()
	client := roundtripper.Client(srv.Client(), pool.New(pool.Options{}).Middleware)
	defer client.CloseIdleConnections()

	resp, err := client.Get(srv.URL)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer resp.Body.Close()
	e, ok := roundtripper.ExchangeOf(resp)
	fmt.Printf("known: %v, new because: %s, outcome: %q\n", ok, e.NewReason, e.Outcome)
	io.Copy(io.Discard, resp.Body)
	e, _ = roundtripper.ExchangeOf(resp)
	fmt.Printf("outcome: %q, %d bytes\n", e.Outcome, e.BytesRead)
	// Output:
	// known: true, new because: first, outcome: ""
	// outcome: "eof", 5 bytes
}

// Tell how each body ended. Expect words that are not listed.
func ExampleOutcome() {
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/long" {
			io.WriteString(w, strings.Repeat("a", 1<<20))
		}
	}))
	defer srv.Close()
	client := roundtripper.Client(srv.Client(), roundtripper.Observe(roundtripper.Observer{
		End: func(_ context.Context, e roundtripper.Exchange) {
			switch e.Outcome {
			case roundtripper.OutcomeNone, roundtripper.OutcomeEOF, roundtripper.OutcomeDrained:
				fmt.Println("fine:", e.Outcome)
			default:
				fmt.Println("look at it:", e.Outcome)
			}
		},
	}))
	defer client.CloseIdleConnections()
	for _, path := range []string{"/", "/long"} {
		resp, err := client.Get(srv.URL + path)
		if err != nil {
			fmt.Println(err)
			return
		}
		resp.Body.Close() // unread
	}
	// Output:
	// fine: none
	// look at it: closed
}
