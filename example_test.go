package warmconn_test

import (
	"context"
	"fmt"
	"log"
	"net/http"
	"net/http/httptest"
	"time"

	"github.com/warmconn/warmconn"
	"github.com/warmconn/warmconn/pool"
)

// server answers each request with 100 kB.
func server() *httptest.Server {
	return httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Write(make([]byte, 100_000))
	}))
}

// Wrap a client that exists. Bodies that it closes unread cost no connection any more.
func ExampleNew() {
	srv := server()
	defer srv.Close()
	client := srv.Client() // whoever built it

	kit := warmconn.New(warmconn.Options{})
	client = kit.Client(client)
	for range 3 {
		resp, err := client.Get(srv.URL)
		if err != nil {
			log.Fatal(err)
		}
		resp.Body.Close() // unread
	}
	s := kit.Stats()
	fmt.Println(s.Requests, "requests,", s.Opened, "connection")
	// Output: 3 requests, 1 connection
}

// An SDK that takes an http.RoundTripper.
func ExampleKit_Wrap() {
	srv := server()
	defer srv.Close()

	kit := warmconn.New(warmconn.Options{Pool: pool.Options{MaxPerHost: 8}})
	sdk := struct{ Transport http.RoundTripper }{Transport: kit.Wrap(nil)} // nil: http.DefaultTransport
	client := &http.Client{Transport: sdk.Transport}
	resp, err := client.Get(srv.URL)
	if err != nil {
		log.Fatal(err)
	}
	resp.Body.Close()
	fmt.Println(kit.Stats().Hosts[0].Limit, "at most")
	// Output: 8 at most
}

// A middleware of somebody else's wraps the kit, so that the kit owns the connections.
func ExampleKit_Base() {
	srv := server()
	defer srv.Close()

	kit := warmconn.New(warmconn.Options{Annotate: true})
	client := &http.Client{Transport: retrier{kit.Base()}}
	resp, err := client.Get(srv.URL)
	if err != nil {
		log.Fatal(err)
	}
	resp.Body.Close()
	fmt.Println(kit.Stats().Opened, "connection, owned by the pool:", len(kit.Pool.Conns()) == 1)
	// Output: 1 connection, owned by the pool: true
}

type retrier struct{ next http.RoundTripper }

func (r retrier) RoundTrip(req *http.Request) (*http.Response, error) { return r.next.RoundTrip(req) }

// At the end of the program: requests in flight end, and nothing is left open.
func ExampleKit_Shutdown() {
	kit := warmconn.New(warmconn.Options{})
	client := kit.Client(nil)

	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	fmt.Println(kit.Shutdown(ctx))
	_, err := client.Get("http://127.0.0.1:1/")
	fmt.Println(err)
	// Output:
	// <nil>
	// Get "http://127.0.0.1:1/": pool: closed
}

// Be told where the kit can't do what it is for.
func ExampleOptions_onWarning() {
	kit := warmconn.New(warmconn.Options{
		OnWarning: func(w pool.Warning) { fmt.Println(w) },
	})
	kit.Client(&http.Client{Transport: retrier{http.DefaultTransport}})
	// Output: pool only counts requests, and owns no connections: it stands outside of a warmconn_test.retrier; wrap what that wraps
}
