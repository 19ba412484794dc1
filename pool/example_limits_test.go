package pool_test

import (
	"errors"
	"fmt"
	"log"
	"net/http"
	"net/http/httptest"
	"strings"
	"time"

	"github.com/warmconn/warmconn/pool"
	"github.com/warmconn/warmconn/roundtripper"
)

// Every host has two slots, and all hosts together have three. Further requests wait, for 10 ms
// here; if a hundred wait in a queue already, one more is refused.
func ExampleOptions_limits() {
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprint(w, "hello")
	}))
	defer srv.Close()

	p := pool.New(pool.Options{
		MaxPerHost:  2,
		MaxTotal:    3,
		MaxWaiting:  100,
		WaitTimeout: 10 * time.Millisecond,
	})
	defer p.Close()
	client := roundtripper.Client(srv.Client(), p.Middleware)
	for _, host := range []string{"a", "a", "a", "b", "b"} {
		resp, err := client.Get("http://" + host + ".example.com") // srv, by any name
		if le, ok := errors.AsType[*pool.LimitError](err); ok {
			fmt.Printf("%s: refused, host %q has %d of %d slots in use\n", host, le.Host, le.InUse, le.Limit)
			continue
		}
		if err != nil {
			log.Fatal(err)
		}
		defer resp.Body.Close() // until then its slot is taken
		fmt.Printf("%s: %s\n", host, resp.Status)
	}
	// Output:
	// a: 200 OK
	// a: 200 OK
	// a: refused, host "http://a.example.com:80" has 2 of 2 slots in use
	// b: 200 OK
	// b: refused, host "" has 3 of 3 slots in use
}

// Most hosts have 64 slots. A host in Hosts has a limit of its own, on every port or on one. For
// hosts that follow a rule there is HostLimits.
func ExampleOptions_hosts() {
	srv := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	defer srv.Close()

	p := pool.New(pool.Options{
		MaxPerHost: 64,
		Hosts: map[string]pool.Limits{
			"slow.example.com":        {MaxPerHost: 2, WaitTimeout: time.Second},
			"http://fast.example.com": {MaxPerHost: -1}, // no limit
		},
		HostLimits: func(host string) (pool.Limits, bool) {
			tenant := strings.HasSuffix(host, ".tenants.example.com:80")
			return pool.Limits{MaxPerHost: 8}, tenant
		},
	})
	defer p.Close()
	client := roundtripper.Client(srv.Client(), p.Middleware)
	for _, host := range []string{"slow", "fast", "acme.tenants", "other"} {
		resp, err := client.Get("http://" + host + ".example.com") // srv, by any name
		if err != nil {
			log.Fatal(err)
		}
		resp.Body.Close()
	}
	for _, h := range p.Stats().Hosts {
		fmt.Println(h.Host, h.Limit)
	}
	// Output:
	// http://acme.tenants.example.com:80 8
	// http://fast.example.com:80 0
	// http://other.example.com:80 64
	// http://slow.example.com:80 2
}

// A zero field in the Limits of a host means the value of Options, and a negative one means the
// same as there: no request to this host waits.
func ExampleLimits() {
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprint(w, "hello")
	}))
	defer srv.Close()

	p := pool.New(pool.Options{
		MaxPerHost: 1,
		Hosts:      map[string]pool.Limits{"api.example.com": {MaxWaiting: -1}},
	})
	defer p.Close()
	client := roundtripper.Client(srv.Client(), p.Middleware)
	resp, err := client.Get("http://api.example.com") // srv, by any name
	if err != nil {
		log.Fatal(err)
	}
	defer resp.Body.Close()
	_, err = client.Get("http://api.example.com")
	fmt.Println(err)
	// Output: Get "http://api.example.com": pool: queue is full: http://api.example.com:80, 1 of 1 in use, 0 waiting, after 0s
}
