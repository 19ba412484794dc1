package main

import (
	"net"
	"net/http"
	"strconv"

	"github.com/warmconn/warmconn/internal/testserver"
)

// target is what a row sends its requests to. Each row has a new one, so that
// its port tells its sockets from all others.
type target struct {
	url       string
	complete  bool // url is the whole address, without an incident's paths
	tls       bool
	transport func() *http.Transport // a new one for this target, otherwise net/http's defaults
	opened    func() int             // connections so far
	open      func() int             // connections open now
	dialing   func() int             // connections that are not counted yet; nil: not known
	whose     func(local, remote int) side
	check     func(*row) string // in place of the incident's own, if not nil
	close     func()
}

// ownServer starts a server on loopback, which counts its connections.
func ownServer(h http.Handler, tls bool) *target {
	srv := testserver.New(h, testserver.Options{TLS: tls})
	return &target{
		url: srv.URL, tls: tls,
		transport: srv.Transport,
		opened:    srv.Opened, open: srv.Open,
		whose: byServerPort(portOf(srv.Addr)),
		close: srv.Close,
	}
}

// portOf is the port of a numeric address, 0 if there is none.
func portOf(addr string) int {
	_, port, _ := net.SplitHostPort(addr)
	n, _ := strconv.Atoi(port)
	return n
}
