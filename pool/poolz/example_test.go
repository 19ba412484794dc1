package poolz_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"

	"github.com/warmconn/warmconn/pool"
	"github.com/warmconn/warmconn/pool/poolz"
	"github.com/warmconn/warmconn/roundtripper"
)

// The page has a listener of its own on the loopback address: it is for whoever can log in to
// the machine. A program would say "127.0.0.1:6060", say, for a port that is always the same.
func ExampleHandler() {
	api := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, "hello\n") }))
	defer api.Close()
	p := pool.New(pool.Options{})
	defer p.Close()
	client := roundtripper.Client(&http.Client{Transport: &http.Transport{}}, p.Middleware)

	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		log.Fatal(err)
	}
	mux := http.NewServeMux()
	mux.Handle("/debug/pool/", poolz.Handler(p))
	srv := &http.Server{Handler: mux}
	go srv.Serve(l)
	defer srv.Shutdown(context.Background())

	for range 4 {
		resp, err := client.Get(api.URL)
		if err != nil {
			log.Fatal(err)
		}
		io.Copy(io.Discard, resp.Body)
		resp.Body.Close()
	}

	// In a browser, or as JSON.
	resp, err := http.Get("http://" + l.Addr().String() + "/debug/pool/?format=json")
	if err != nil {
		log.Fatal(err)
	}
	defer resp.Body.Close()
	var page struct {
		Pool struct {
			Requests    uint64            `json:"requests"`
			Reuse       float64           `json:"reuse"`
			NewByReason map[string]uint64 `json:"new_by_reason"`
		} `json:"pool"`
	}
	if err := json.NewDecoder(resp.Body).Decode(&page); err != nil {
		log.Fatal(err)
	}
	fmt.Println(resp.Header.Get("Cache-Control"), page.Pool.Requests, page.Pool.Reuse, page.Pool.NewByReason)
	// Output: no-store 4 0.75 map[first:1]
}
