package pool_test

import (
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"sync"
	"time"

	"github.com/warmconn/warmconn/pool"
	"github.com/warmconn/warmconn/roundtripper"
)

// A page for operators lists the connections: here one with a request, and one that will be
// idle for 90 s at most.
func ExamplePool_Conns() {
	srv := httptest.NewServer(http.HandlerFunc(hello))
	defer srv.Close()

	p := pool.New(pool.Options{})
	defer p.Close()
	client := roundtripper.Client(&http.Client{Transport: &http.Transport{}}, p.Middleware)
	defer client.CloseIdleConnections()
	var bodies []io.ReadCloser
	for range 2 {
		resp, err := client.Get(srv.URL)
		if err != nil {
			log.Fatal(err)
		}
		bodies = append(bodies, resp.Body)
	}
	io.Copy(io.Discard, bodies[0])
	bodies[0].Close()

	for _, c := range p.Conns() {
		fmt.Printf("%d %s %s, %d use, new because: %s", c.ID, c.Proto, c.State, c.Uses, c.NewReason)
		if !c.RetireAt.IsZero() {
			fmt.Printf(", to be closed in %v for: %s", time.Until(c.RetireAt).Round(30*time.Second), c.RetireWhy)
		}
		fmt.Println()
	}
	bodies[1].Close()
	// Output:
	// 1 HTTP/1.1 idle, 1 use, new because: first, to be closed in 1m30s for: idle_timeout
	// 2 HTTP/1.1 active, 1 use, new because: all_busy
}

// A listener notes how long each connection lived, and why it was closed. Here each serves two
// requests.
func ExampleConnListener() {
	srv := httptest.NewServer(http.HandlerFunc(hello))
	defer srv.Close()

	var told sync.WaitGroup
	told.Add(1)
	p := pool.New(pool.Options{MaxConnRequests: 2, Listener: pool.ConnListener{
		Opened: func(e pool.ConnEvent) { fmt.Println("opened:", e.NewReason) },
		Closed: func(e pool.ConnEvent) {
			fmt.Printf("closed: %s, after %d requests\n", e.LostReason, e.Uses)
			told.Done()
		},
	}})
	defer p.Close()
	client := roundtripper.Client(&http.Client{Transport: &http.Transport{}}, p.Middleware)
	for range 2 {
		if err := get(client, srv.URL); err != nil {
			log.Fatal(err)
		}
	}
	told.Wait() // it is told soon after, and holds no request up
	// Output:
	// opened: first
	// closed: max_requests, after 2 requests
}

// A ConnInfo describes one connection at one moment. Here a program looks for connections
// that go to an address which it wants to leave.
func ExampleConnInfo() {
	srv := httptest.NewServer(http.HandlerFunc(hello))
	defer srv.Close()

	p := pool.New(pool.Options{})
	defer p.Close()
	client := roundtripper.Client(&http.Client{Transport: &http.Transport{}}, p.Middleware)
	defer client.CloseIdleConnections()
	if err := get(client, srv.URL); err != nil {
		log.Fatal(err)
	}
	for _, c := range p.Conns() {
		if c.RemoteAddr != nil && c.RemoteAddr.String() == srv.Listener.Addr().String() {
			fmt.Println("connection", c.ID, "is", c.State, "and has read some bytes:", c.BytesRead > 0)
		}
	}
	// Output: connection 1 is idle and has read some bytes: true
}

// A ConnEvent has the facts of a connection when something happened to it. Here a listener
// counts the requests that waited for no handshake.
func ExampleConnEvent() {
	srv := httptest.NewServer(http.HandlerFunc(hello))
	defer srv.Close()

	var told sync.WaitGroup
	told.Add(3)
	reused := 0
	p := pool.New(pool.Options{Listener: pool.ConnListener{
		Acquired: func(e pool.ConnEvent) { // one host's events come one after the other
			if e.Uses > 1 {
				reused++
			}
			told.Done()
		},
	}})
	defer p.Close()
	client := roundtripper.Client(&http.Client{Transport: &http.Transport{}}, p.Middleware)
	for range 3 {
		if err := get(client, srv.URL); err != nil {
			log.Fatal(err)
		}
	}
	told.Wait()
	fmt.Println(reused, "of 3")
	// Output: 2 of 3
}
