package faultlist

import (
	"bufio"
	"crypto/tls"
	"io"
	"net"
	"net/http"
	"strings"
	"time"
)

// Conn is the server's end of a connection of HTTP/1: its methods are the steps of a
// script. They return no errors: where the client has gone the next ones do nothing.
type Conn struct {
	net.Conn
	// N is the connection's number, from 1.
	N int
	// Req is the request that is to be answered.
	Req *http.Request

	wire *wire
	r    *bufio.Reader
	over bool // no other request is answered here
}

// acting is what a server reads from: while it waits there for its client, it does not
// act. It is no io.WriterTo, as a TCPConn is: that would wait unseen.
type acting struct{ w *wire }

func (a acting) Read(p []byte) (int, error) {
	a.w.acts(false)
	defer a.w.acts(true)
	return a.w.Read(p)
}

// serve answers requests until there are no more.
func (c *Conn) serve() {
	for !c.over {
		req, err := http.ReadRequest(c.r)
		if err != nil {
			return
		}
		c.Req = req
		f := c.wire.s.fault
		switch {
		case req.Method == http.MethodConnect:
			if f.Connect != nil {
				f.Connect(c)
			} else {
				c.Tunnel()
			}
		case req.URL.Path == faultPath && f.Serve != nil && c.wire.s.meets():
			f.Serve(c)
		default:
			c.Body()
			c.Good()
		}
		if !c.over {
			c.Body()
		}
	}
}

// Body reads the request's body.
func (c *Conn) Body() { io.Copy(io.Discard, c.Req.Body) }

// BodyPart reads as much of it.
func (c *Conn) BodyPart(n int64) { io.CopyN(io.Discard, c.Req.Body, n) }

// Good answers as it should be.
func (c *Conn) Good() { c.Say("HTTP/1.1 {status}\r\nContent-Length: 5\r\n\r\n{body:good\n}") }

// Say writes a text in which {status} is 200, or 304 for a request with a condition, and
// {body:...} is left out where the request's response has none.
func (c *Conn) Say(text string) {
	if before, rest, ok := strings.Cut(text, "{body:"); ok {
		body, after, _ := strings.Cut(rest, "}")
		if c.bodiless() {
			body = ""
		}
		text = before + body + after
	}
	io.WriteString(c.Conn, strings.ReplaceAll(text, "{status}", c.status()))
}

func (c *Conn) bodiless() bool {
	return c.Req.Method == http.MethodHead || c.status() != "200 OK"
}

func (c *Conn) status() string {
	if c.Req != nil && c.Req.Header.Get("If-None-Match") != "" {
		return "304 Not Modified"
	}
	return "200 OK"
}

// Drip writes a text byte by byte.
func (c *Conn) Drip(text string, every time.Duration) {
	for _, b := range []byte(text) {
		if _, err := c.Conn.Write([]byte{b}); err != nil {
			return
		}
		time.Sleep(every) // the fault itself
	}
}

// Pause does nothing for a while, and reads nothing.
func (c *Conn) Pause(d time.Duration) { time.Sleep(d) } // the fault itself

// Endlessly writes a text again and again, until the client hangs up.
func (c *Conn) Endlessly(text string) {
	piece := []byte(strings.Repeat(text, 1+4096/len(text)))
	for {
		if _, err := c.Conn.Write(piece); err != nil {
			c.over = true
			return
		}
	}
}

// Close closes the connection, with TLS's farewell where there is TLS.
func (c *Conn) Close() error {
	c.over = true
	return c.Conn.Close()
}

// Cut closes it without TLS's farewell.
func (c *Conn) Cut() {
	c.over = true
	c.wire.Close()
}

// Reset closes it with a RST.
func (c *Conn) Reset() {
	c.wire.SetLinger(0)
	c.Cut()
}

// HalfClose ends what the server says, with TLS's farewell where there is TLS, and reads
// until the client hangs up.
func (c *Conn) HalfClose() {
	if t, ok := c.Conn.(*tls.Conn); ok {
		t.CloseWrite()
	}
	c.wire.CloseWrite()
	c.Wait()
}

// Wait says nothing more, and reads until the client hangs up.
func (c *Conn) Wait() {
	c.over = true
	io.Copy(io.Discard, c.r)
}

// Tunnel accepts a CONNECT, and is the server behind the proxy, too.
func (c *Conn) Tunnel() {
	c.Say("HTTP/1.1 200 OK\r\n\r\n")
	c.secure(c.wire.s.tlsConfig("http/1.1"))
}

// secure goes on over TLS.
func (c *Conn) secure(cfg *tls.Config) {
	c.Conn = tls.Server(buffered{c.Conn, c.r}, cfg)
	c.r = bufio.NewReader(c.Conn)
}

// buffered is a connection of which some was read already.
type buffered struct {
	net.Conn
	r *bufio.Reader
}

func (b buffered) Read(p []byte) (int, error) { return b.r.Read(p) }
