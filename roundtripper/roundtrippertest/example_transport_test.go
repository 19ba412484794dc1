package roundtrippertest_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"

	"github.com/warmconn/warmconn/roundtripper/roundtrippertest"
)

// A base that answers every request in the same way.
func ExampleTransport() {
	base := &roundtrippertest.Transport{
		Status: http.StatusTooManyRequests,
		Header: http.Header{"Retry-After": {"5"}},
		Body:   func(*http.Request) io.ReadCloser { return &roundtrippertest.Body{Text: "slow down"} },
	}
	client := &http.Client{Transport: base}
	resp, err := client.Get("http://api.example/")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer resp.Body.Close()
	body, _ := io.ReadAll(resp.Body)
	fmt.Println(resp.StatusCode, resp.Header.Get("Retry-After"), string(body))
	// Output: 429 5 slow down
}

// An answer for each request: of two attempts, the first one fails.
func ExampleTransport_answer() {
	attempts := 0
	base := &roundtrippertest.Transport{Answer: func(req *http.Request) (*http.Response, error) {
		if attempts++; attempts == 1 {
			return nil, errors.New("connection reset")
		}
		return &http.Response{StatusCode: http.StatusOK, Body: http.NoBody, Request: req}, nil
	}}
	client := &http.Client{Transport: base}
	for range 2 {
		if resp, err := client.Get("http://api.example/"); err != nil {
			fmt.Println(err)
		} else {
			fmt.Println(resp.StatusCode)
		}
	}
	// Output:
	// Get "http://api.example/": connection reset
	// 200
}

// A server that can't be reached.
func ExampleTransport_err() {
	down := errors.New("no route to host")
	client := &http.Client{Transport: &roundtrippertest.Transport{Err: down}}
	_, err := client.Get("http://api.example/")
	fmt.Println(errors.Is(err, down))
	// Output: true
}

// A server that does not answer until it is told to, or the caller gives up.
func ExampleTransport_until() {
	client := &http.Client{Transport: &roundtrippertest.Transport{Until: make(chan struct{})}}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, "GET", "http://api.example/", nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	go cancel()
	_, err = client.Do(req)
	fmt.Println(errors.Is(err, context.Canceled))
	// Output: true
}

// The requests, as a server would have seen them.
func ExampleTransport_Calls() {
	base := &roundtrippertest.Transport{}
	client := &http.Client{Transport: base}
	for _, text := range []string{"one", "two"} {
		if _, err := client.Post("http://api.example/"+text, "text/plain", strings.NewReader("number "+text)); err != nil {
			fmt.Println(err)
		}
	}
	for _, c := range base.Calls() {
		fmt.Println(c.Request.Method, c.Request.URL.Path, c.Body)
	}
	// Output:
	// POST /one number one
	// POST /two number two
}

// The headers that a middleware has set.
func ExampleCall() {
	base := &roundtrippertest.Transport{}
	client := &http.Client{Transport: userAgent(base)}
	if _, err := client.Get("http://api.example/"); err != nil {
		fmt.Println(err)
	}
	var call roundtrippertest.Call = base.Calls()[0]
	fmt.Println(call.Request.UserAgent(), len(call.Body))
	// Output: example/1.0 0
}

func ExampleTransport_RoundTrip() {
	req, err := http.NewRequest("GET", "http://api.example/", nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	resp, err := new(roundtrippertest.Transport).RoundTrip(req)
	fmt.Println(resp.StatusCode, resp.Body == http.NoBody, err)
	// Output: 200 true <nil>
}

// Does a middleware pass it on?
func ExampleTransport_CloseIdleConnections() {
	base := &roundtrippertest.Transport{}
	client := &http.Client{Transport: userAgent(base)}
	client.CloseIdleConnections()
	fmt.Println(base.IdleCloses())
	// Output: 1
}

// A middleware that wraps by hand has no method to pass it on.
func ExampleTransport_IdleCloses() {
	base := &roundtrippertest.Transport{}
	client := &http.Client{Transport: struct{ http.RoundTripper }{base}}
	client.CloseIdleConnections()
	fmt.Println(base.IdleCloses())
	// Output: 0
}
