package pool_test

import (
	"context"
	"fmt"
	"log"
	"net/http"
	"net/http/httptest"
	"time"

	"github.com/warmconn/warmconn/pool"
	"github.com/warmconn/warmconn/roundtripper"
)

// A service makes its connections before it takes traffic: the first requests wait for no
// handshake.
func ExamplePool_Warm() {
	srv := httptest.NewTLSServer(http.HandlerFunc(hello))
	defer srv.Close()
	p := pool.New(pool.Options{})
	defer p.Close()
	client := roundtripper.Client(srv.Client(), roundtripper.Observe(roundtripper.Observer{
		End: func(_ context.Context, e roundtripper.Exchange) {
			fmt.Println("made for this request:", e.OwnDial, "waited:", e.ConnWait)
		},
	}), p.Middleware)

	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	ready, err := p.Warm(ctx, client.Transport, srv.URL, 4)
	fmt.Println(ready, "ready", err)
	if err := get(client, srv.URL); err != nil {
		log.Fatal(err)
	}
	// Output:
	// 4 ready <nil>
	// made for this request: false waited: 0s
}

// While a host is in use, a floor keeps its warmed connections, though they are idle for longer
// than IdleTimeout.
func ExampleOptions_floor() {
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.(http.Flusher).Flush()
		<-r.Context().Done() // a stream
	}))
	defer srv.Close()
	const idleTimeout = 100 * time.Millisecond
	p := pool.New(pool.Options{MinIdlePerHost: 4, IdleTimeout: idleTimeout})
	defer p.Close()
	client := p.Client()
	stream, err := client.Get(srv.URL)
	if err != nil {
		log.Fatal(err)
	}
	defer stream.Body.Close()
	if _, err := p.Warm(context.Background(), nil, srv.URL, 6); err != nil {
		log.Fatal(err)
	}
	for p.Stats().Idle > 4 {
		time.Sleep(idleTimeout)
	}
	time.Sleep(2 * idleTimeout)
	fmt.Println(p.Stats().Idle, "idle,", p.Stats().Active, "in use")
	// Output:
	// 4 idle, 1 in use
}
