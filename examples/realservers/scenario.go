package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/warmconn/warmconn/examples/realservers/internal/child"
)

// A scenario is one situation of one server.
type scenario struct {
	name    string
	workers int
	start   func(ctx context.Context, keys *child.Keys) (*child.Server, error)
	http2   bool
	far     time.Duration // how much longer than on loopback a dial takes
	kinds   []kind        // the requests, in turns
}

// A kind of request, and what the server answers to it.
type kind struct {
	method, path string
	body         []byte
	status       int
	unread       bool // the client closes the response's body unread
}

// scenarios are those of real servers where the kit had fewer requests/s than
// bare net/http, or more connections.
func scenarios() []scenario {
	hello := []kind{{method: http.MethodGet, path: "/hello", status: http.StatusOK}}
	var all []scenario
	add := func(name string, workers int, start func(context.Context, *child.Keys) (*child.Server, error), kinds []kind) *scenario {
		all = append(all, scenario{name: name, workers: workers, start: start, kinds: kinds})
		return &all[len(all)-1]
	}

	// Connections that are dear and live for a few requests: a surplus dial of
	// net/http is the connection that another request needs next.
	for _, n := range []int{2, 5} {
		add(fmt.Sprintf("nginx-tls-kareq%d", n), 4, nginx{tls: true, keepAliveRequests: n}.start, hello)
		// On loopback a handshake is the processor's time, which a stock of
		// connections doesn't save. Here it is time spent waiting as well.
		add(fmt.Sprintf("nginx-tls-kareq%d-far", n), 4, nginx{tls: true, keepAliveRequests: n}.start, hello).far = 5 * time.Millisecond
	}
	// nginx closes the connection on which it has refused a body.
	add("nginx-tls-413", 8, nginx{tls: true}.start, []kind{
		hello[0],
		{method: http.MethodPost, path: "/refuse", body: bytes.Repeat([]byte("x"), 16<<10), status: http.StatusRequestEntityTooLarge},
	})
	// More workers than one connection has streams.
	for _, n := range []int{1, 2, 4, 8} {
		add(fmt.Sprintf("node-h2-streams%d", n), 12, node{streams: n}.start, hello).http2 = true
		add(fmt.Sprintf("nginx-h2-streams%d", n), 12, nginx{tls: true, streams: n}.start, hello).http2 = true
	}
	// Go 1.27 drains up to 256 KiB of these by itself; before, each of these
	// bodies costs bare net/http its connection.
	var unread []kind
	for _, size := range fileSizes {
		unread = append(unread, kind{method: http.MethodGet, path: filePath(size), status: http.StatusOK, unread: true})
	}
	add("nginx-http-unread", 8, nginx{}.start, unread)
	add("nginx-tls-unread", 8, nginx{tls: true}.start, unread)
	return all
}

// do sends one request and is done with its response.
func (s *scenario) do(ctx context.Context, c *http.Client, url string, i int) error {
	k := s.kinds[i%len(s.kinds)]
	var body io.Reader
	if k.body != nil {
		body = bytes.NewReader(k.body)
	}
	req, err := http.NewRequestWithContext(ctx, k.method, url+k.path, body)
	if err != nil {
		return err
	}
	resp, err := c.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode != k.status {
		return fmt.Errorf("status %d", resp.StatusCode)
	}
	if is := resp.ProtoMajor == 2; is != s.http2 {
		return fmt.Errorf("answered over %s", resp.Proto)
	}
	if k.unread {
		return nil
	}
	_, err = io.Copy(io.Discard, resp.Body)
	return err
}
