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

// conn is a connection as it was accepted, below TLS.
type conn struct {
	*net.TCPConn
	top    net.Conn // what the server has: over TLS, that
	server *Server
	number uint64
	throws atomic.Uint64 // dice made so far
	uses   atomic.Int64  // requests so far
	idle   atomic.Bool   // nothing is in flight
	doomed atomic.Bool   // to be closed once it is idle
	once   sync.Once
}

// dice are what happens next to the connection, by the seed.
func (c *conn) dice() *rand.Rand {
	return rand.New(rand.NewPCG(c.server.seed^c.number<<32, c.throws.Add(1)))
}

// Read implements net.Conn. It is the moment of use: what comes on an idle
// connection has left the client for good, and is gone with a Close.
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

// reset closes the connection with a RST, and TLS without a word.
func (c *conn) reset() {
	c.SetLinger(0)
	c.Close()
}

// closeIdle closes the connection in a while if it is idle then, with TLS's own
// farewell where there is TLS.
func (c *conn) closeIdle(after time.Duration) {
	time.AfterFunc(after, func() {
		if c.idle.Load() {
			c.top.Close()
		}
	})
}

// state is told by net/http's server.
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

// under is the accepted connection below what the server has.
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
