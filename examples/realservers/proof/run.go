package main

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"time"

	"github.com/warmconn/warmconn/examples/realservers/internal/child"
)

// prove runs the server in the situation of that name, with n requests by each
// client.
func (s *software) prove(ctx context.Context, name string, n int) (*verdict, error) {
	program, err := child.Find(s.program, "apt-get install "+s.debian)
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp("", "realservers")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	if err := os.Chmod(dir, 0o777); err != nil { // servers may run as users of their own
		return nil, err
	}
	keys, err := child.NewKeys(dir)
	if err != nil {
		return nil, err
	}
	behind, closeOrigin, err := serveOrigin()
	if err != nil {
		return nil, err
	}
	defer closeOrigin()

	sit := s.situation(name)
	c := sit.conf
	c.Dir, c.Cert, c.Key, c.Origin = dir, keys.Cert, keys.Key, behind
	srv, err := s.start(ctx, program, &c)
	if err != nil {
		return nil, err
	}
	defer srv.stop()
	if err := awaitAnswer(ctx, newBare(1, keys.Trusted, srv.proxy), srv.URL); err != nil {
		return nil, err
	}
	clients := []*client{newBare(n, keys.Trusted, srv.proxy), newReader(n, keys.Trusted, srv.proxy), newKit(n, keys.Trusted, srv.proxy)}
	v := &verdict{server: s.name, situation: &sit}
	v.troubles, err = sit.load(ctx, srv, clients, n)
	for _, c := range clients {
		c.close()
	}
	if err != nil {
		return nil, err
	}
	srv.finish()
	for _, c := range clients {
		l, err := readLogs(srv.logs, c)
		if err != nil {
			return nil, err
		}
		v.tallies = append(v.tallies, tallyOf(c, l))
	}
	return v, nil
}

// awaitAnswer returns when the server has answered a request with 200: one that
// listens may not have read its files yet.
func awaitAnswer(ctx context.Context, c *client, url string) error {
	defer c.close()
	c.letter, c.net = "w", 1
	k := kind{method: http.MethodGet, path: "/small", reads: -1}
	for end := time.Now().Add(atMost); ; time.Sleep(50 * time.Millisecond) {
		c.do(ctx, &k, url, 0, 0)
		if outcome := c.attempts[0].outcome; outcome == "status 200" {
			return nil
		} else if time.Now().After(end) {
			return fmt.Errorf("it does not serve: %s", outcome)
		}
	}
}
