package pool_test

import (
	"fmt"
	"log"
	"net/http"
	"net/http/httptest"
	"path"
	"runtime"
	"strings"

	"github.com/warmconn/warmconn/pool"
	"github.com/warmconn/warmconn/roundtripper"
)

// firstOf returns the innermost function of a package among frames, without the path.
func firstOf(frames []runtime.Frame, pkg string) string {
	for _, f := range frames {
		if name := path.Base(f.Function); strings.HasPrefix(name, pkg+".") {
			return name
		}
	}
	return "none"
}

// A report of a leak may need more than the line of Caller: Frames has the whole stack.
func ExampleLeak_Frames() {
	srv := httptest.NewServer(http.HandlerFunc(hello))
	defer srv.Close()

	leaks := make(chan pool.Leak, 1)
	p := pool.New(pool.Options{OnLeak: func(l pool.Leak) { leaks <- l }})
	defer p.Close()
	exists(roundtripper.Client(srv.Client(), p.Middleware), srv.URL)

	for len(leaks) == 0 {
		runtime.GC() // comes by itself in a program that runs
	}
	frames := (<-leaks).Frames()
	fmt.Println("made in", firstOf(frames, "pool_test"), "and there is more:", len(frames) > 1)
	// Output: made in pool_test.exists and there is more: true
}

// A page for operators shows the stack of each request in flight.
func ExampleRequest_Frames() {
	srv := httptest.NewServer(http.HandlerFunc(hello))
	defer srv.Close()

	p := pool.New(pool.Options{AlwaysCaller: true})
	defer p.Close()
	resp, err := roundtripper.Client(srv.Client(), p.Middleware).Get(srv.URL)
	if err != nil {
		log.Fatal(err)
	}
	defer resp.Body.Close() // until then it is in flight

	for _, r := range p.InFlight() {
		fmt.Println("made in", firstOf(r.Frames(), "pool_test"))
	}
	// Output: made in pool_test.ExampleRequest_Frames
}
