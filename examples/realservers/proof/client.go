package main

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/warmconn/warmconn/drain"
	"github.com/warmconn/warmconn/pool"
	"github.com/warmconn/warmconn/roundtripper"
)

// A client is bare net/http, or the kit, with all that it has seen. Each of its
// connections comes from an address of its own: so the server's log names the
// connection, and the client.
type client struct {
	name     string
	letter   string // begins the IDs of its requests
	net      byte   // the second number of its addresses
	http     *http.Client
	pool     *pool.Pool // nil for bare net/http
	readsAll bool       // no early closes
	close    func()
	attempts []attempt

	had    sync.Map      // addresses of the connections that bare net/http has given to requests
	tried  atomic.Uint32 // dials
	dialed atomic.Int64  // those that succeeded
}

// An attempt is a request and what became of it. The pool may have sent it
// twice; then the connection is the last one.
type attempt struct {
	conn     string // the source address of its connection; empty without one
	answered bool   // the header of a response has come
	closes   bool   // and said that the connection ends
	reused   bool
	outcome  string // the status, or the class of the error
	failed   bool
	facts    roundtripper.Exchange // the kit's
}

// A net holds 65,536 connections, and a client has some of them.
const (
	nets    = 64
	bareNet = 16
	readNet = bareNet + nets
	kitNet  = readNet + nets
)

func newBare(n int, trusted *x509.CertPool, proxy *url.URL) *client {
	c := &client{name: "bare", letter: "b", net: bareNet, attempts: make([]attempt, n)}
	t := c.transport(trusted, proxy)
	t.MaxIdleConnsPerHost = t.MaxIdleConns
	c.http = &http.Client{Transport: t}
	c.close = t.CloseIdleConnections
	return c
}

// newReader is bare net/http that reads every body to its end. So it keeps its
// connections as the kit does, and meets as often the server's ends of them.
func newReader(n int, trusted *x509.CertPool, proxy *url.URL) *client {
	c := newBare(n, trusted, proxy)
	c.name, c.letter, c.net, c.readsAll = "reads all", "r", readNet, true
	return c
}

func newKit(n int, trusted *x509.CertPool, proxy *url.URL) *client {
	c := &client{name: "kit", letter: "k", net: kitNet, attempts: make([]attempt, n), pool: pool.New(pool.Options{})}
	d := drain.New(drain.Options{})
	observe := roundtripper.Observe(roundtripper.Observer{End: c.end})
	c.http = roundtripper.Client(&http.Client{Transport: c.transport(trusted, proxy)}, observe, d.Middleware, c.pool.Middleware)
	c.close = func() {
		c.http.CloseIdleConnections()
		d.Close()
	}
	return c
}

// transport is net/http's default but for the certificate that it trusts, the
// environment's proxies, and the addresses of its connections.
func (c *client) transport(trusted *x509.CertPool, proxy *url.URL) *http.Transport {
	t := http.DefaultTransport.(*http.Transport).Clone()
	t.Proxy = nil
	if proxy != nil {
		t.Proxy = http.ProxyURL(proxy)
	}
	t.TLSClientConfig = &tls.Config{RootCAs: trusted}
	t.DialContext = func(ctx context.Context, network, addr string) (net.Conn, error) {
		d := net.Dialer{LocalAddr: &net.TCPAddr{IP: c.address(c.tried.Add(1))}}
		conn, err := d.DialContext(ctx, network, addr)
		if err == nil {
			c.dialed.Add(1)
		}
		return conn, err
	}
	return t
}

// address is that of the n-th dial.
func (c *client) address(n uint32) net.IP {
	return net.IPv4(127, c.net+byte(n>>16), byte(n>>8), byte(n))
}

type attemptKey struct{}

// do sends the i-th request; major is the version of HTTP that it is to be
// answered over, if not 0.
func (c *client) do(ctx context.Context, k *kind, url string, i, major int) {
	a := &c.attempts[i]
	ctx, cancel := context.WithTimeout(context.WithValue(ctx, attemptKey{}, a), atMost)
	defer cancel()
	if c.pool == nil {
		ctx = httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{GotConn: func(info httptrace.GotConnInfo) {
			// Info.Reused is true as well for a connection that was dialed for another request, and never had one.
			a.conn = host(info.Conn.LocalAddr())
			_, a.reused = c.had.LoadOrStore(a.conn, true)
		}})
	}
	a.outcome, a.failed = "", true
	var body io.Reader
	if k.body != nil {
		body = bytes.NewReader(k.body)
	}
	req, err := http.NewRequestWithContext(ctx, k.method, url+k.path, body)
	if err != nil {
		a.outcome = err.Error()
		return
	}
	req.Header.Set("X-Id", c.letter+strconv.Itoa(i))
	resp, err := c.http.Do(req)
	if err != nil {
		a.outcome = class(err)
		return
	}
	defer resp.Body.Close()
	a.answered, a.closes = true, resp.Close
	if major != 0 && resp.ProtoMajor != major {
		a.outcome = "answered over " + resp.Proto
		return
	}
	from := io.Reader(resp.Body)
	if k.reads >= 0 && !c.readsAll {
		from = io.LimitReader(resp.Body, int64(k.reads))
	}
	if _, err := io.Copy(io.Discard, from); err != nil {
		a.outcome = "body: " + class(err)
		return
	}
	a.outcome, a.failed = fmt.Sprint("status ", resp.StatusCode), false
}

// atMost ends a request that hangs: it fails then.
const atMost = 20 * time.Second

// end is called before do returns, in the goroutine that calls it.
func (c *client) end(ctx context.Context, x roundtripper.Exchange) {
	a := ctx.Value(attemptKey{}).(*attempt)
	if x.LocalAddr != nil {
		a.conn = host(x.LocalAddr)
	}
	a.reused, a.facts = x.Reused, x
}

func host(a net.Addr) string { return a.(*net.TCPAddr).IP.String() }

// owns says whether the address is one of the client's connections.
func (c *client) owns(addr string) bool {
	ip := net.ParseIP(addr).To4()
	return ip != nil && ip[0] == 127 && ip[1] >= c.net && ip[1] < c.net+nets
}

// attempt finds the request of an ID; its place in attempts is behind the
// client's letter.
func (c *client) attempt(id string) *attempt {
	i, err := strconv.Atoi(strings.TrimPrefix(id, c.letter))
	if err != nil || i < 0 || i >= len(c.attempts) {
		return nil
	}
	return &c.attempts[i]
}
