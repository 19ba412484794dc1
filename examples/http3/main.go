// Http3 shows the kit over quic-go's HTTP/3 transport, with a server of its own on loopback:
//
//	go run . -requests 8200
//
// The kit owns no connections there, and drains none: closing a stream costs nothing. It
// says what httptrace shows, which for HTTP/3 is a new net.Conn for each request; and pool
// limits requests, and finds leaks, as over any other base.
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"net/http"
	"os"

	"github.com/warmconn/warmconn/drain"
	"github.com/warmconn/warmconn/pool"
	"github.com/warmconn/warmconn/roundtripper"
)

func main() {
	requests := flag.Int("requests", 8200, "how many requests to send")
	flag.Parse()
	if err := run(os.Stdout, *requests); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(w io.Writer, requests int) error {
	srv, err := startServer()
	if err != nil {
		return err
	}
	defer srv.Close()
	base := srv.transport()
	defer base.Close()
	var reused, fresh, bytesDrained int64
	observe := roundtripper.Observe(roundtripper.Observer{End: func(_ context.Context, e roundtripper.Exchange) {
		if e.Reused {
			reused++
		} else {
			fresh++
		}
		bytesDrained += e.BytesDrained
	}})
	p := pool.New(pool.Options{MaxPerHost: 16})
	defer p.Close()
	client := roundtripper.Client(&http.Client{Transport: base}, observe, drain.New(drain.Options{}).Middleware, p.Middleware)
	defer client.CloseIdleConnections()
	for range requests {
		resp, err := client.Get(srv.url + "/hello")
		if err != nil {
			return err
		}
		resp.Body.Close() // unread
	}
	s := p.Stats()
	fmt.Fprintf(w, "%d requests: %d on a new connection, %d on a reused one, %d bytes drained; %d opened, %d closed\n",
		requests, fresh, reused, bytesDrained, s.Opened, s.Closed)
	return nil
}
