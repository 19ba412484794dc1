package badserver

import (
	"context"
	"crypto/tls"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"
)

// conn is an accepted connection, below TLS.
type conn struct {
	*net.TCPConn
	top    net.Conn // the server's connection: the *tls.Conn, if there is TLS
	server *Server
	number uint64
	throws atomic.Uint64 // dice made so far
	uses   atomic.Int64  // requests so far
	idle   atomic.Bool   // no request is in flight
	doomed atomic.Bool   // to be closed once it is idle
	once   sync.Once
}

// dice returns random numbers, by the seed, for the next event of the connection.
func (c *conn) dice() *rand.Rand {
	return rand.New(rand.NewPCG(c.server.seed^c.number<<32, c.throws.Add(1)))
}

// Read implements net.Conn. It is the moment of use: bytes that come on an idle connection
// have left the client for good, and a Close loses them.
func (c *conn) Read(p []byte) (int, error) {
	n, err := c.TCPConn.Read(p)
	if n > 0 && c.idle.Load() && c.server.fault.used != nil && c.server.fault.used(c) {
		c.Close()
		return 0, io.EOF
	}
	return n, err
}

// Close implements net.Conn.
func (c *conn) Close() error {
	c.once.Do(func() { c.server.forget(c) })
	return c.TCPConn.Close()
}

// reset closes the connection with a RST, and without TLS's close_notify.
func (c *conn) reset() {
	c.SetLinger(0)
	c.Close()
}

// closeIdle closes the connection after the given time, if it is idle then, with TLS's
// close_notify where there is TLS.
func (c *conn) closeIdle(after time.Duration) {
	time.AfterFunc(after, func() {
		if c.idle.Load() {
			c.top.Close()
		}
	})
}

// state is net/http's ConnState hook.
func (c *conn) state(s http.ConnState) {
	switch s {
	case http.StateActive:
		c.idle.Store(false)
	case http.StateIdle:
		c.idle.Store(true)
		if c.doomed.Load() {
			c.top.Close()
		} else if f := c.server.fault.idle; f != nil {
			f(c)
		}
	}
}

// under returns the accepted connection below the server's.
func under(nc net.Conn) *conn {
	if t, ok := nc.(*tls.Conn); ok {
		nc = t.NetConn()
	}
	return nc.(*conn)
}

type connKey struct{}

func withConn(ctx context.Context, nc net.Conn) context.Context {
	c := under(nc)
	c.top = nc
	return context.WithValue(ctx, connKey{}, c)
}
