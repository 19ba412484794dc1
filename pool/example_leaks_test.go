package pool_test

import (
	"fmt"
	"log"
	"net/http"
	"net/http/httptest"
	"path"
	"runtime"

	"github.com/warmconn/warmconn/pool"
	"github.com/warmconn/warmconn/roundtripper"
)

// exists forgets to close the body.
func exists(client *http.Client, url string) bool {
	resp, err := client.Get(url)
	return err == nil && resp.StatusCode == http.StatusOK
}

// A body that was dropped without being closed holds the only slot of its host, until the
// collector has found it. Then OnLeak is told where the request was made, and the slot is free
// again. With AlwaysCaller the place of every request is known, and not only of the first ones
// and of a sample.
func ExampleOptions_leaks() {
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprint(w, "hello")
	}))
	defer srv.Close()

	leaks := make(chan pool.Leak, 1)
	p := pool.New(pool.Options{
		MaxPerHost:   1,
		AlwaysCaller: true,
		OnLeak:       func(l pool.Leak) { leaks <- l },
	})
	defer p.Close()
	client := roundtripper.Client(srv.Client(), p.Middleware)
	exists(client, "http://api.example.com/orders/1") // srv, by any name

	for len(leaks) == 0 {
		runtime.GC() // comes by itself in a program that runs
	}
	leak := <-leaks
	fmt.Println(leak.Method, leak.Host, "by", path.Base(leak.Caller)) // without file, line and import path

	resp, err := client.Get("http://api.example.com/orders/2")
	if err != nil {
		log.Fatal(err)
	}
	resp.Body.Close()
	fmt.Println("the slot is free again:", resp.Status)
	// Output:
	// GET http://api.example.com:80 by pool_test.exists
	// the slot is free again: 200 OK
}
