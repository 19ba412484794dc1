package pool_test

import (
	"context"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"time"

	"github.com/warmconn/warmconn/pool"
	"github.com/warmconn/warmconn/roundtripper"
)

// At the end of a program: new requests are refused, requests under way come to their end, and
// no connection is left.
func ExamplePool_Shutdown() {
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.(http.Flusher).Flush()
		time.Sleep(20 * time.Millisecond)
		fmt.Fprint(w, "hello")
	}))
	defer srv.Close()
	p := pool.New(pool.Options{})
	client := roundtripper.Client(&http.Client{Transport: &http.Transport{}}, p.Middleware)
	resp, err := client.Get(srv.URL)
	if err != nil {
		log.Fatal(err)
	}
	read := make(chan string)
	go func() {
		defer resp.Body.Close()
		body, _ := io.ReadAll(resp.Body)
		read <- string(body)
	}()

	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	done := make(chan error)
	go func() { done <- p.Shutdown(ctx) }()
	fmt.Println(<-read)
	fmt.Println(<-done, p.Stats().Open, "open")
	_, err = client.Get(srv.URL)
	fmt.Println(err != nil)
	// Output:
	// hello
	// <nil> 0 open
	// true
}
