package main

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"sync"
)

// userServer is a server that somebody else runs. It can't be asked how many
// connections it had, so the client's dialer counts them; the kit keeps the
// dialer of the transport that it is handed.
func userServer(u *url.URL) *target {
	d := &dials{ports: make(map[int]bool)}
	serverPort := portOf(u.Host)
	if serverPort == 0 {
		serverPort = map[string]int{"http": 80, "https": 443}[u.Scheme]
	}
	return &target{
		url: u.String(), complete: true, tls: u.Scheme == "https",
		transport: func() *http.Transport {
			// The incidents are HTTP/1's: with HTTP/2 a connection is shared.
			var http1 http.Protocols
			http1.SetHTTP1(true)
			return &http.Transport{DialContext: d.dial, Protocols: &http1}
		},
		opened: d.opened, open: d.opening, dialing: d.dialing,
		// By the client's own ports: other programs may talk to this server.
		whose: func(local, remote int) side {
			switch {
			case remote == serverPort && d.dialed(local):
				return clientSide
			case local == serverPort && d.dialed(remote):
				return serverSide
			}
			return foreign
		},
		check: checkUserServer,
		close: func() {},
	}
}

// checkUserServer asks for less than with an own server: what it answers, and
// when it closes a connection, is not known here.
func checkUserServer(r *row) string {
	r.note("connections counted by the client")
	if r.Variant == before {
		return ""
	}
	r.note("connections were new or lost because of: %s", r.facts.reasonList())
	asked := r.facts.named(closeReasons...)
	if r.Connections > r.workers && r.ReusedPct < 50 && asked < r.Connections/2 {
		return fmt.Sprintf("only %.1f %% reused", r.ReusedPct)
	}
	return ""
}

// dials counts connections where they begin.
type dials struct {
	mu    sync.Mutex
	begun int // dials
	ended int // of these
	total int
	now   int
	ports map[int]bool // local ones
}

func (d *dials) dial(ctx context.Context, network, addr string) (net.Conn, error) {
	d.mu.Lock()
	d.begun++
	d.mu.Unlock()
	c, err := new(net.Dialer).DialContext(ctx, network, addr)
	d.mu.Lock()
	defer d.mu.Unlock()
	d.ended++
	if err != nil {
		return nil, err
	}
	d.total++
	d.now++
	d.ports[portOf(c.LocalAddr().String())] = true
	return &dialedConn{Conn: c, dials: d}, nil
}

// dialedConn tells its dialer when it closes.
type dialedConn struct {
	net.Conn
	dials *dials
	once  sync.Once
}

func (c *dialedConn) Close() error {
	c.once.Do(func() {
		c.dials.mu.Lock()
		defer c.dials.mu.Unlock()
		c.dials.now--
	})
	return c.Conn.Close()
}

// dialing is how many connections are in the making. Net/http dials more than it
// needs, and the last of these may outlive the load.
func (d *dials) dialing() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.begun - d.ended
}

func (d *dials) opened() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.total
}

func (d *dials) opening() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.now
}

func (d *dials) dialed(localPort int) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.ports[localPort]
}
