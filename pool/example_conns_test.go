package pool_test

import (
	"context"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"time"

	"github.com/warmconn/warmconn/pool"
	"github.com/warmconn/warmconn/roundtripper"
)

// Behind a load balancer a connection stays with the server that it was made to. So that new
// servers get requests, connections end after some minutes, or after some requests: two here.
func ExampleOptions_retirement() {
	srv := httptest.NewServer(http.HandlerFunc(hello))
	defer srv.Close()

	p := pool.New(pool.Options{MaxConnAge: 5 * time.Minute, MaxConnRequests: 2})
	defer p.Close()
	client := roundtripper.Client(&http.Client{Transport: &http.Transport{}},
		roundtripper.Observe(roundtripper.Observer{End: func(_ context.Context, e roundtripper.Exchange) {
			fmt.Printf("connection %d, new because: %q\n", e.ConnID, e.NewReason)
		}}),
		p.Middleware)
	for range 3 {
		if err := get(client, srv.URL); err != nil {
			log.Fatal(err)
		}
	}
	// Output:
	// connection 1, new because: "first"
	// connection 1, new because: ""
	// connection 2, new because: "max_requests"
}

// Without MaxIdlePerHost the number of idle connections follows use. IdleTimeout is for how long
// they are kept, in place of the transport's. Of two connections one is kept here.
func ExampleOptions_idle() {
	srv := httptest.NewServer(http.HandlerFunc(hello))
	defer srv.Close()

	p := pool.New(pool.Options{MaxIdlePerHost: 1, IdleTimeout: 30 * time.Second})
	defer p.Close()
	client := roundtripper.Client(&http.Client{Transport: &http.Transport{}}, p.Middleware)
	defer client.CloseIdleConnections()
	var open []io.ReadCloser
	for range 2 {
		resp, err := client.Get(srv.URL)
		if err != nil {
			log.Fatal(err)
		}
		open = append(open, resp.Body)
	}
	for _, body := range open {
		io.Copy(io.Discard, body)
		body.Close()
	}
	s := p.Stats()
	fmt.Println("opened:", s.Opened, "idle:", s.Idle)
	// Output: opened: 2 idle: 1
}
