package roundtripper_test

import (
	"fmt"
	"net/http"
	"time"

	"github.com/warmconn/warmconn/drain"
	"github.com/warmconn/warmconn/pool"
	"github.com/warmconn/warmconn/roundtripper"
	"github.com/warmconn/warmconn/roundtripper/roundtrippertest"
)

// The given client keeps its transport; the returned one has its other settings, such as the
// timeout.
func ExampleClient() {
	sdk := &http.Client{Transport: &http.Transport{}, Timeout: time.Minute}
	client := roundtripper.Client(sdk, pool.New(pool.Options{}).Middleware)

	fmt.Printf("%T\n", sdk.Transport)
	fmt.Println(client.Transport != sdk.Transport, client.Timeout)
	// Output:
	// *http.Transport
	// true 1m0s
}

// For an SDK that takes a RoundTripper in place of a client.
func ExampleWrap() {
	rt := roundtripper.Wrap(&http.Transport{},
		roundtripper.Observe(roundtripper.Observer{}),
		drain.New(drain.Options{Policy: drain.Never}).Middleware,
	)
	fmt.Print(roundtripper.Describe(rt))
	// Output:
	// observe: tells a function of each exchange
	// drain: never; a body closed early closes its connection
	// *http.Transport
}

// The first layer of a Chain sees the request first. A layer that is nil is left
// out, so that one can be optional.
func ExampleChain() {
	says := func(word string) roundtripper.Middleware {
		return func(next http.RoundTripper) http.RoundTripper {
			return roundtripper.Layer(next, func(req *http.Request) (*http.Response, error) {
				fmt.Println(word, "before")
				defer fmt.Println(word, "after")
				return next.RoundTrip(req)
			})
		}
	}
	var optional roundtripper.Middleware
	all := roundtripper.Chain(says("outer"), optional, says("inner"))

	client := roundtripper.Client(&http.Client{Transport: &roundtrippertest.Transport{}}, all)
	if _, err := client.Get("http://api.example/"); err != nil {
		fmt.Println(err)
	}
	// Output:
	// outer before
	// inner before
	// inner after
	// outer after
}

// A layer with a setting is a func that returns a Middleware.
func ExampleMiddleware() {
	header := func(key, value string) roundtripper.Middleware {
		return func(next http.RoundTripper) http.RoundTripper {
			return roundtripper.Layer(next, func(req *http.Request) (*http.Response, error) {
				req = req.Clone(req.Context()) // the caller's request is left alone
				req.Header.Set(key, value)
				return next.RoundTrip(req)
			})
		}
	}
	base := &roundtrippertest.Transport{}
	client := roundtripper.Client(&http.Client{Transport: base}, header("X-Tenant", "42"))
	if _, err := client.Get("http://api.example/"); err != nil {
		fmt.Println(err)
	}
	fmt.Println(base.Calls()[0].Request.Header)
	// Output: map[X-Tenant:[42]]
}

// Answers by a function, for a test without a network.
func ExampleFunc() {
	client := &http.Client{Transport: roundtripper.Func(func(req *http.Request) (*http.Response, error) {
		return &http.Response{StatusCode: http.StatusTeapot, Body: http.NoBody, Request: req}, nil
	})}
	resp, err := client.Get("http://pot.example/")
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(resp.StatusCode)
	// Output: 418
}

func ExampleFunc_RoundTrip() {
	offline := roundtripper.Func(func(req *http.Request) (*http.Response, error) {
		return nil, fmt.Errorf("no network to %s", req.URL.Host)
	})
	req, err := http.NewRequest("GET", "http://api.example/", nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	_, err = offline.RoundTrip(req)
	fmt.Println(err)
	// Output: no network to api.example
}
