package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/warmconn/warmconn/internal/testserver"
)

// site is a cell built up: a server, and the way to it.
type site struct {
	cell
	srv *testserver.Server
	net *network
	url string
}

func (c cell) build() (*site, error) {
	s := &site{cell: c, srv: testserver.New(c.handler(), testserver.Options{TLS: c.tls})}
	var err error
	if s.net, err = newNetwork(s.srv.Addr, c.rtt); err != nil {
		s.srv.Close()
		return nil, err
	}
	s.url = "http://" + s.net.addr
	if c.tls {
		s.url = "https://" + s.net.addr
	}
	return s, nil
}

func (s *site) close() {
	s.srv.Close()
	s.net.close()
}

// transport is a new transport to the site.
func (s *site) transport() *http.Transport {
	t := s.srv.Transport()
	t.DialContext = s.net.dialer().DialContext
	return t
}

// trial is what one client's requests to a site took.
type trial struct {
	requests int           // with a body
	wall     time.Duration // for them and one request without a body, which comes last
	opened   int           // connections, with the warm-up's
	drained  int64         // bytes, by the kit's layers
}

// try closes n bodies unread, one after the other, with a new client. When most
// is over, a third of them is enough: some policies take long over some bodies.
//
// Before the clock starts comes a request without a body, for the first connection
// of a client has to be made whatever its policy is. It tells the kit what a
// connection costs, and nothing of the cell's body. One at the end finds what the
// last Close has left, so that n closes pay for n connections if they lose them.
func (s *site) try(ctx context.Context, p policy, path string, n int, most time.Duration) (trial, error) {
	c := p.over(s.transport())
	defer s.settle(ctx)
	defer c.close()
	before := s.srv.Opened()
	if err := c.send(ctx, s.url+emptyPath); err != nil {
		return trial{}, err
	}
	var t trial
	began := time.Now()
	for t.requests < n && (3*t.requests < n || time.Since(began) < most) {
		if err := c.send(ctx, s.url+path); err != nil {
			return trial{}, err
		}
		t.requests++
	}
	if err := c.send(ctx, s.url+emptyPath); err != nil {
		return trial{}, err
	}
	t.wall = time.Since(began)
	t.opened = s.srv.Opened() - before
	t.drained = c.drained.Load()
	return t, nil
}

// send closes the body unread as soon as the headers are there.
func (c *client) send(ctx context.Context, url string) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	resp, err := c.Do(req)
	if err != nil {
		return err
	}
	if resp.StatusCode != http.StatusOK {
		text, _ := io.ReadAll(resp.Body)
		resp.Body.Close()
		return fmt.Errorf("%s: %s: %s", url, resp.Status, text)
	}
	return resp.Body.Close()
}

// settle waits until the server has noticed that the client is gone, so that
// what it still sends does not slow the next one down.
func (s *site) settle(ctx context.Context) {
	for end := time.Now().Add(time.Second); s.srv.Open() > 0 && time.Now().Before(end); {
		if sleep(ctx, time.Millisecond) != nil {
			return
		}
	}
}
