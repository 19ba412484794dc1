package pool_test

import (
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"runtime"
	"time"

	"github.com/warmconn/warmconn/drain"
	"github.com/warmconn/warmconn/pool"
	"github.com/warmconn/warmconn/roundtripper"
)

// Stats is a snapshot: limits beside use, then open connections, then counters.
func ExamplePool_Stats() {
	srv := httptest.NewServer(http.HandlerFunc(hello))
	defer srv.Close()

	p := pool.New(pool.Options{MaxTotal: 100})
	defer p.Close()
	client := roundtripper.Client(&http.Client{Transport: &http.Transport{}}, p.Middleware)
	defer client.CloseIdleConnections()
	resp, err := client.Get(srv.URL)
	if err != nil {
		log.Fatal(err)
	}
	show := func(s pool.Stats) {
		fmt.Printf("%d of %d slots, %d waiting; %d connections, %d idle; %d requests\n",
			s.InUse, s.Limit, s.Waiting, s.Open, s.Idle, s.Requests)
	}
	show(p.Stats())
	io.Copy(io.Discard, resp.Body)
	resp.Body.Close()
	show(p.Stats())
	// Output:
	// 1 of 100 slots, 0 waiting; 1 connections, 0 idle; 1 requests
	// 0 of 100 slots, 0 waiting; 1 connections, 1 idle; 1 requests
}

// The sums over all hosts show how many of the requests found a connection.
func ExampleStats() {
	srv := httptest.NewServer(http.HandlerFunc(hello))
	defer srv.Close()

	p := pool.New(pool.Options{})
	defer p.Close()
	client := roundtripper.Client(&http.Client{Transport: &http.Transport{}}, p.Middleware)
	for range 10 {
		if err := get(client, srv.URL); err != nil {
			log.Fatal(err)
		}
	}
	s := p.Stats()
	reused := 1 - float64(s.Opened)/float64(s.Requests)
	fmt.Println("most requests found a connection:", reused > 0.5)
	// Output: most requests found a connection: true
}

// HostStats show which host loses its connections, and for which reason.
func ExampleHostStats() {
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Host == "old.example.com" {
			w.Header().Set("Connection", "close")
		}
		fmt.Fprint(w, "hello")
	}))
	defer srv.Close()

	p := pool.New(pool.Options{})
	defer p.Close()
	client := roundtripper.Client(srv.Client(), p.Middleware)
	defer client.CloseIdleConnections()
	for range 3 {
		for _, host := range []string{"new", "old"} {
			if err := get(client, "http://"+host+".example.com"); err != nil { // srv, by any name
				log.Fatal(err)
			}
		}
	}
	for p.Stats().Closed < 3 { // the last one is closed behind the caller's back
		runtime.Gosched()
	}
	for _, h := range p.Stats().Hosts {
		fmt.Println(h.Host, "requests:", h.Requests, "closed by the server:", h.Lost[roundtripper.ReasonServerClose])
	}
	// Output:
	// http://new.example.com:80 requests: 3 closed by the server: 0
	// http://old.example.com:80 requests: 3 closed by the server: 3
}

// Counters count since New: a report takes the difference of two snapshots. The drain's are zero
// unless drain is in the stack.
func ExampleCounters() {
	srv := httptest.NewServer(http.HandlerFunc(hello))
	defer srv.Close()

	p := pool.New(pool.Options{})
	defer p.Close()
	d := drain.New(drain.Options{Policy: drain.Fixed, MaxTime: time.Second})
	client := roundtripper.Client(&http.Client{Transport: &http.Transport{}}, d.Middleware, p.Middleware)
	last := p.Stats().Counters
	for _, n := range []int{3, 2} {
		for range n {
			resp, err := client.Get(srv.URL)
			if err != nil {
				log.Fatal(err)
			}
			resp.Body.Close() // unread
		}
		c := p.Stats().Counters
		fmt.Printf("%d requests, %d bodies drained of %d bytes\n",
			c.Requests-last.Requests, c.Drained-last.Drained, c.BytesDrained-last.BytesDrained)
		last = c
	}
	// Output:
	// 3 requests, 3 bodies drained of 15 bytes
	// 2 requests, 2 bodies drained of 10 bytes
}
