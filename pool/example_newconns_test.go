package pool_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"path"
	"runtime/pprof"
	"strings"

	"github.com/warmconn/warmconn/pool"
	"github.com/warmconn/warmconn/roundtripper"
)

// ask closes the body unread.
func ask(client *http.Client, url string) {
	if resp, err := client.Get(url); err == nil {
		resp.Body.Close()
	}
}

// asked is a Pool after five requests by ask, whose bodies were too long to be drained.
func asked() *pool.Pool {
	srv := httptest.NewServer(http.HandlerFunc(tooLong))
	defer srv.Close()
	p := pool.New(pool.Options{})
	client := roundtripper.Client(srv.Client(), p.Middleware)
	for range 5 {
		ask(client, "http://api.example.com") // srv, whatever the name
	}
	return p
}

// Stats.NewByCaller tells which lines of the program cost connections.
func ExampleNewConns() {
	p := asked()
	defer p.Close()
	for _, n := range p.Stats().NewByCaller {
		if n.Caller != "" {
			fmt.Println(n.Conns, "to", n.Host, "for", n.Reason, "by", path.Base(n.Caller)) // without file, line and import path
		}
	}
	// Output:
	// 4 to http://api.example.com:80 for body_unread by pool_test.ask
}

// Frames has who called the line, too.
func ExampleNewConns_Frames() {
	p := asked()
	defer p.Close()
	for _, n := range p.Stats().NewByCaller {
		var ours []string
		for _, f := range n.Frames() {
			if strings.Contains(f.Function, "pool_test.") {
				ours = append(ours, path.Base(f.Function))
			}
		}
		if ours != nil {
			fmt.Println(ours)
		}
	}
	// Output:
	// [pool_test.ask pool_test.asked pool_test.ExampleNewConns_Frames]
}

// As JSON a Stats has a Version, and what the command poolbudget reads.
func ExampleStats_MarshalJSON() {
	p := asked()
	defer p.Close()
	text, err := json.Marshal(p.Stats())
	if err != nil {
		fmt.Println(err)
	}
	var some struct{ Version, Opened, Requests int }
	if err := json.Unmarshal(text, &some); err != nil {
		fmt.Println(err)
	}
	fmt.Printf("version %d: %d connections for %d requests\n", some.Version, some.Opened, some.Requests)
	// Output: version 1: 5 connections for 5 requests
}

// A profile has its name in the whole program, so the program makes it.
var openBodies = pprof.NewProfile("warmconn.open_bodies")

// While a body is open it is in the profile, which net/http/pprof lists among Go's own;
// go tool pprof shows by whom.
func ExampleOptions_openBodies() {
	srv := httptest.NewServer(http.HandlerFunc(hello))
	defer srv.Close()
	p := pool.New(pool.Options{OpenBodies: openBodies})
	defer p.Close()
	client := roundtripper.Client(srv.Client(), p.Middleware)
	resp, err := client.Get("http://api.example.com") // srv, whatever the name
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println("open:", pprof.Lookup("warmconn.open_bodies").Count())
	resp.Body.Close()
	fmt.Println("open:", openBodies.Count())
	// Output:
	// open: 1
	// open: 0
}
