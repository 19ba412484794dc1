package pool_test

import (
	"fmt"
	"log"
	"net/http"
	"net/http/httptest"
	"path"
	"runtime"
	"sync"
	"time"

	"github.com/warmconn/warmconn/pool"
	"github.com/warmconn/warmconn/roundtripper"
)

// A body that is open for longer than LeakAfter is reported, and left alone: the
// program may well read it, as it does here.
func ExampleOptions_leakAfter() {
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprint(w, "hello")
	}))
	defer srv.Close()

	leaks := make(chan pool.Leak, 1)
	p := pool.New(pool.Options{
		LeakAfter: time.Millisecond,
		OnLeak:    func(l pool.Leak) { leaks <- l },
	})
	defer p.Close()
	client := roundtripper.Client(srv.Client(), p.Middleware)
	resp, err := client.Get("http://api.example.com") // srv, by any name
	if err != nil {
		log.Fatal(err)
	}
	defer resp.Body.Close()

	leak := <-leaks
	fmt.Println(leak.Method, leak.Host, "only suspected:", leak.Suspected)
	var word string
	fmt.Fscan(resp.Body, &word)
	fmt.Println(word)
	// Output:
	// GET http://api.example.com:80 only suspected: true
	// hello
}

// A Leak is one of three things, which its fields tell apart.
func ExampleLeak() {
	report := func(l pool.Leak) {
		switch {
		case l.Transports > 0:
			fmt.Printf("%d transports made by %s\n", l.Transports, l.Caller)
		case l.Suspected:
			fmt.Printf("%s %s: open for %v, by %s\n", l.Method, l.Host, l.Age, l.Caller)
		default:
			fmt.Printf("%s %s: never closed, by %s\n", l.Method, l.Host, l.Caller)
		}
	}
	p := pool.New(pool.Options{LeakAfter: time.Minute, OnLeak: report})
	defer p.Close()

	report(pool.Leak{Method: "GET", Host: "https://api.example.com:443", Caller: "list.go:42 sdk.List"})
	report(pool.Leak{Method: "GET", Host: "https://api.example.com:443", Caller: "watch.go:17 sdk.Watch", Age: time.Minute, Suspected: true})
	report(pool.Leak{Transports: 20, Caller: "sdk.go:11 sdk.New"})
	// Output:
	// GET https://api.example.com:443: never closed, by list.go:42 sdk.List
	// GET https://api.example.com:443: open for 1m0s, by watch.go:17 sdk.Watch
	// 20 transports made by sdk.go:11 sdk.New
}

// With a transport for each request no connection is used again. OnLeak is told once where the
// transports are made.
func ExampleLeak_transports() {
	srv := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	defer srv.Close()

	leaks := make(chan pool.Leak, 1)
	p := pool.New(pool.Options{OnLeak: func(l pool.Leak) { leaks <- l }})
	defer p.Close()
	for len(leaks) == 0 {
		for range 20 {
			client := &http.Client{Transport: p.Middleware(&http.Transport{})} // for a single request
			resp, err := client.Get(srv.URL)
			if err != nil {
				log.Fatal(err)
			}
			resp.Body.Close()
		}
		runtime.GC() // comes by itself in a program that runs
	}
	leak := <-leaks
	fmt.Println("20 or more:", leak.Transports >= 20)
	// Output: 20 or more: true
}

// InFlight shows how far each request has come. One of these two has its response, and an open
// body; the server has not answered the other one yet.
func ExamplePool_InFlight() {
	arrived, answer := make(chan struct{}), make(chan struct{})
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == "POST" {
			arrived <- struct{}{}
			<-answer
		}
		fmt.Fprint(w, "hello")
	}))
	defer srv.Close()

	p := pool.New(pool.Options{AlwaysCaller: true})
	defer p.Close()
	client := roundtripper.Client(srv.Client(), p.Middleware)
	resp, err := client.Get("http://api.example.com") // srv, by any name
	if err != nil {
		log.Fatal(err)
	}
	defer resp.Body.Close()
	var wg sync.WaitGroup
	wg.Go(func() {
		resp, err := client.Post("http://api.example.com", "text/plain", nil)
		if err != nil {
			log.Fatal(err)
		}
		resp.Body.Close()
	})
	<-arrived

	for _, r := range p.InFlight() { // the oldest first
		fmt.Println(r.Method, r.Host, "answered:", r.Answered)
	}
	close(answer)
	wg.Wait()
	// Output:
	// GET http://api.example.com:80 answered: true
	// POST http://api.example.com:80 answered: false
}

// A page for operators lists the requests that were reported as suspected, with the places where
// they were made.
func ExampleRequest() {
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprint(w, "hello")
	}))
	defer srv.Close()

	suspected := make(chan struct{}, 1)
	p := pool.New(pool.Options{
		LeakAfter: time.Millisecond,
		OnLeak:    func(pool.Leak) { suspected <- struct{}{} },
	})
	defer p.Close()
	client := roundtripper.Client(srv.Client(), p.Middleware)
	resp, err := client.Get("http://api.example.com") // srv, by any name
	if err != nil {
		log.Fatal(err)
	}
	defer resp.Body.Close()
	<-suspected

	for _, r := range p.InFlight() {
		if r.Suspected {
			fmt.Println(r.Method, r.Host, "by", path.Base(r.Caller)) // without file, line and import path
		}
	}
	// Output: GET http://api.example.com:80 by pool_test.ExampleRequest
}
