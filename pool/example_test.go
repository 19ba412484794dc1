package pool_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"sync"
	"sync/atomic"

	"github.com/warmconn/warmconn/pool"
	"github.com/warmconn/warmconn/roundtripper"
)

// Twenty goroutines send requests to one host, which must get four at a time. The others wait
// for their turn, and use the same four connections.
func Example() {
	var now atomic.Int32
	var tooMany atomic.Bool
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		if now.Add(1) > 4 {
			tooMany.Store(true)
		}
		defer now.Add(-1)
		fmt.Fprint(w, "hello")
	}))
	defer srv.Close()

	p := pool.New(pool.Options{MaxPerHost: 4})
	defer p.Close()
	client := roundtripper.Client(&http.Client{Transport: &http.Transport{}}, p.Middleware)
	var wg sync.WaitGroup
	for range 20 {
		wg.Go(func() {
			resp, err := client.Get(srv.URL)
			if err != nil {
				log.Fatal(err)
			}
			defer resp.Body.Close()
			io.Copy(io.Discard, resp.Body)
		})
	}
	wg.Wait()

	s := p.Stats()
	fmt.Println("requests:", s.Requests)
	fmt.Println("at most 4 at a time:", !tooMany.Load())
	fmt.Println("at most 4 connections:", s.Open <= 4)
	// Output:
	// requests: 20
	// at most 4 at a time: true
	// at most 4 connections: true
}

// The zero Options limit nothing. The Pool still owns the connections, finds leaks and counts.
func ExampleNew() {
	p := pool.New(pool.Options{})
	defer p.Close()
	rt := p.Middleware(&http.Transport{})
	fmt.Print(roundtripper.Describe(rt))
	// Output:
	// pool: no limit; owns the connections, made by a private clone of the transport; learns for how long servers keep idle ones, and condemns those on dead paths; the transport's own CloseIdleConnections closes none, the Pool's does, and takes a replaced TLSClientConfig over
	// *http.Transport
}

// The clients of one Pool share its limits, though each has a transport of its own: here a
// request of one client has the host's only slot.
func ExamplePool() {
	srv := httptest.NewServer(http.HandlerFunc(hello))
	defer srv.Close()

	p := pool.New(pool.Options{MaxPerHost: 1, MaxWaiting: -1})
	defer p.Close()
	orders := roundtripper.Client(&http.Client{Transport: &http.Transport{}}, p.Middleware)
	search := roundtripper.Client(&http.Client{Transport: &http.Transport{}}, p.Middleware)

	resp, err := orders.Get(srv.URL)
	if err != nil {
		log.Fatal(err)
	}
	defer resp.Body.Close()
	_, err = search.Get(srv.URL)
	fmt.Println("refused:", errors.Is(err, pool.ErrQueueFull))
	// Output: refused: true
}

// Middleware goes around the program's transport. The transport itself is not changed, and has
// no connections.
func ExamplePool_Middleware() {
	srv := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprint(w, "hello over ", r.Proto)
	}))
	defer srv.Close()
	base := srv.Client().Transport // it trusts the server's certificate

	p := pool.New(pool.Options{})
	defer p.Close()
	client := &http.Client{Transport: p.Middleware(base)}
	resp, err := client.Get(srv.URL)
	if err != nil {
		log.Fatal(err)
	}
	defer resp.Body.Close()
	body, _ := io.ReadAll(resp.Body)
	fmt.Println(string(body))
	fmt.Println("connections of the Pool:", p.Stats().Open)
	// Output:
	// hello over HTTP/1.1
	// connections of the Pool: 1
}

// A program that has no client to wrap lets the Pool make one. All clients that it makes share
// one transport, and so the connections.
func ExamplePool_Client() {
	srv := httptest.NewServer(http.HandlerFunc(hello))
	defer srv.Close()

	p := pool.New(pool.Options{MaxPerHost: 64})
	defer p.Close()
	one, another := p.Client(), p.Client()
	defer another.CloseIdleConnections()
	for _, client := range []*http.Client{one, another} {
		resp, err := client.Get(srv.URL)
		if err != nil {
			log.Fatal(err)
		}
		io.Copy(io.Discard, resp.Body)
		resp.Body.Close()
	}
	s := p.Stats()
	fmt.Println(s.Requests, "requests over", s.Opened, "connection")
	// Output: 2 requests over 1 connection
}

// A licence is checked once a day: no connection should be kept for the next time.
func ExamplePool_RareClient() {
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprint(w, "licensed")
	}))
	defer srv.Close()

	p := pool.New(pool.Options{})
	defer p.Close()
	resp, err := p.RareClient().Get(srv.URL)
	if err != nil {
		log.Fatal(err)
	}
	io.Copy(io.Discard, resp.Body)
	resp.Body.Close()
	s := p.Stats()
	fmt.Println("opened:", s.Opened, "idle:", s.Idle)
	// Output: opened: 1 idle: 0
}

// An SDK that insists on an *http.Transport gets one with the limits of Options, whose
// connections the Pool counts.
func ExamplePool_Transport() {
	srv := httptest.NewServer(http.HandlerFunc(hello))
	defer srv.Close()

	p := pool.New(pool.Options{MaxPerHost: 64, MaxIdlePerHost: 16})
	defer p.Close()
	sdk := struct{ Transport *http.Transport }{p.Transport(&http.Transport{})}
	defer sdk.Transport.CloseIdleConnections()

	client := &http.Client{Transport: sdk.Transport}
	if err := get(client, srv.URL); err != nil {
		log.Fatal(err)
	}
	fmt.Println("limits:", sdk.Transport.MaxConnsPerHost, sdk.Transport.MaxIdleConnsPerHost)
	fmt.Println("opened:", p.Stats().Opened)
	// Output:
	// limits: 64 16
	// opened: 1
}

// A program that ends closes the Pool. Requests in flight go on to their end, and a new request
// is refused.
func ExamplePool_Close() {
	srv := httptest.NewServer(http.HandlerFunc(hello))
	defer srv.Close()

	p := pool.New(pool.Options{})
	client := roundtripper.Client(&http.Client{Transport: &http.Transport{}}, p.Middleware)
	resp, err := client.Get(srv.URL)
	if err != nil {
		log.Fatal(err)
	}
	defer resp.Body.Close()

	p.Close()
	body, err := io.ReadAll(resp.Body)
	fmt.Println(string(body), err)
	_, err = client.Get(srv.URL)
	fmt.Println("refused:", errors.Is(err, pool.ErrClosed))
	// Output:
	// hello <nil>
	// refused: true
}

// A health check must get through although every slot of the host is taken.
func ExampleExempt() {
	srv := httptest.NewServer(http.HandlerFunc(hello))
	defer srv.Close()

	p := pool.New(pool.Options{MaxPerHost: 1})
	defer p.Close()
	client := roundtripper.Client(&http.Client{Transport: &http.Transport{}}, p.Middleware)
	resp, err := client.Get(srv.URL)
	if err != nil {
		log.Fatal(err)
	}
	defer resp.Body.Close() // until then its slot is taken

	ctx := pool.Exempt(context.Background())
	req, err := http.NewRequestWithContext(ctx, "GET", srv.URL+"/healthz", nil)
	if err != nil {
		log.Fatal(err)
	}
	healthy, err := client.Do(req)
	if err != nil {
		log.Fatal(err)
	}
	healthy.Body.Close()
	fmt.Println(healthy.Status)
	// Output: 200 OK
}
