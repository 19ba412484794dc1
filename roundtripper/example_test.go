package roundtripper_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"

	"github.com/warmconn/warmconn/drain"
	"github.com/warmconn/warmconn/pool"
	"github.com/warmconn/warmconn/roundtripper"
)

// Wrap the client that you are handed, and hear of each exchange whether its connection was
// reused.
func Example() {
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprint(w, "hello")
	}))
	defer srv.Close()

	client := &http.Client{Transport: &http.Transport{}}
	client = roundtripper.Client(client,
		roundtripper.Observe(roundtripper.Observer{End: func(_ context.Context, e roundtripper.Exchange) {
			fmt.Printf("%s, reused: %v, new because: %q\n", e.Outcome, e.Reused, e.NewReason)
		}}),
		drain.New(drain.Options{}).Middleware,
		pool.New(pool.Options{}).Middleware,
	)
	defer client.CloseIdleConnections()

	for range 2 {
		resp, err := client.Get(srv.URL)
		if err != nil {
			fmt.Println(err)
			return
		}
		resp.Body.Close() // unread
	}
	// Output:
	// drained, reused: false, new because: "first"
	// drained, reused: true, new because: ""
}

// A layer of your own that is made by Layer, or embeds Inner, shows the RoundTripper that it
// wraps.
func ExampleLayer() {
	userAgent := func(next http.RoundTripper) http.RoundTripper {
		return roundtripper.Layer(next, func(req *http.Request) (*http.Response, error) {
			req = req.Clone(req.Context())
			req.Header.Set("User-Agent", "example/1.0")
			return next.RoundTrip(req)
		})
	}
	rt := roundtripper.Wrap(&http.Transport{}, userAgent)
	_, ok := roundtripper.As[*http.Transport](rt)
	fmt.Println("the transport can still be found:", ok)
	// Output: the transport can still be found: true
}

func ExampleDescribe() {
	rt := roundtripper.Wrap(&http.Transport{},
		drain.New(drain.Options{}).Middleware,
		pool.New(pool.Options{MaxPerHost: 64}).Middleware,
	)
	fmt.Print(roundtripper.Describe(rt))
	// Output:
	// drain: on Close, as far as a new connection is worth, at most 64 MiB and 500ms
	// pool: at most 64 in flight per host; owns the connections, made by a private clone of the transport; learns for how long servers keep idle ones, and condemns those on dead paths; the transport's own CloseIdleConnections closes none, the Pool's does, and takes a replaced TLSClientConfig over
	// *http.Transport
}
