package pool_test

import (
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"sync"

	"github.com/warmconn/warmconn/pool"
	"github.com/warmconn/warmconn/roundtripper"
)

// A balancer gives each connection to one backend, and requests at the same time should reach
// more than one backend.
func ExampleOptions_minHTTP2Conns() {
	srv, meet := meetingServer(30)
	defer srv.Close()

	p := pool.New(pool.Options{MinHTTP2Conns: 3})
	defer p.Close()
	client := roundtripper.Client(srv.Client(), p.Middleware)
	defer client.CloseIdleConnections()
	meet(client)
	h := p.Stats().Hosts[0]
	fmt.Println(h.Active+h.Idle+h.Dialing, "connections, there or on their way")
	// Output: 3 connections, there or on their way
}

// No connection should carry more than 10 requests at once, even if the server allows more.
func ExampleOptions_maxStreamsPerConn() {
	srv, meet := meetingServer(30)
	defer srv.Close()

	p := pool.New(pool.Options{MaxStreamsPerConn: 10})
	defer p.Close()
	client := roundtripper.Client(srv.Client(), p.Middleware)
	defer client.CloseIdleConnections()
	meet(client)
	h := p.Stats().Hosts[0]
	fmt.Println("3 connections or more:", h.Active+h.Idle+h.Dialing >= 3)
	// Output: 3 connections or more: true
}

// meetingServer starts an HTTP/2 server that answers when n requests have arrived, and meet
// sends them.
func meetingServer(n int) (srv *httptest.Server, meet func(*http.Client)) {
	var all sync.WaitGroup
	all.Add(n)
	srv = httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/first" {
			all.Done()
			all.Wait()
		}
		io.WriteString(w, "hello")
	}))
	srv.EnableHTTP2 = true
	srv.StartTLS()
	return srv, func(client *http.Client) {
		if err := get(client, srv.URL+"/first"); err != nil { // it shows how many requests a connection can carry
			log.Fatal(err)
		}
		var wg sync.WaitGroup
		for range n {
			wg.Go(func() {
				resp, err := client.Get(srv.URL)
				if err != nil {
					log.Fatal(err)
				}
				io.Copy(io.Discard, resp.Body)
				resp.Body.Close()
			})
		}
		wg.Wait()
	}
}
