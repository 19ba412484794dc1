package pool

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"

	"github.com/warmconn/warmconn/internal/connpool"
	"github.com/warmconn/warmconn/internal/ledger"
)

type dialFunc = func(ctx context.Context, network, addr string) (net.Conn, error)

// countDials returns t's way to dial, by the rules of Transport.dial, which enters each
// connection in l. It holds neither t nor the Pool. The dials of a connpool.Pool that stands
// on t are not entered here, for that counts them itself.
func countDials(t *http.Transport, l *ledger.Ledger) dialFunc {
	dial := t.DialContext
	//lint:ignore SA1019 programs still set it
	if old := t.Dial; dial == nil && old != nil {
		dial = func(_ context.Context, network, addr string) (net.Conn, error) { return old(network, addr) }
	}
	if dial == nil {
		dial = new(net.Dialer).DialContext
	}
	return func(ctx context.Context, network, addr string) (net.Conn, error) {
		nc, err := dial(ctx, network, addr)
		if err != nil || nc == nil || connpool.IsDial(ctx) {
			return nc, err
		}
		peer := ""
		if l.CountsPeers() {
			peer = ledger.PeerOf(ledger.RemoteAddr(nc)).Host
		}
		return &countedConn{nc, l.CountDial(addr, peer)}, nil
	}
}

// countedConn is a connection of a program that uses a transport directly. It counts as
// opened, used and closed, and no more is known of it.
type countedConn struct {
	net.Conn
	line *ledger.CountedConn
}

// NetConn returns the connection that the base's dialer made.
func (c *countedConn) NetConn() net.Conn { return c.Conn }

func (c *countedConn) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	if n > 0 {
		c.line.WasRead()
	}
	return n, err
}

func (c *countedConn) Write(p []byte) (int, error) {
	c.line.WasWritten()
	return c.Conn.Write(p)
}

// ReadFrom lets net/http send a file as it would without this wrapper: io.Copy
// looks for ReadFrom on the connection below, sendfile on Linux.
func (c *countedConn) ReadFrom(r io.Reader) (int64, error) {
	c.line.WasWritten()
	return io.Copy(c.Conn, r)
}

// CloseWrite half-closes the connection, for a caller that owns it after a 101.
func (c *countedConn) CloseWrite() error {
	if cw, ok := c.Conn.(interface{ CloseWrite() error }); ok {
		return cw.CloseWrite()
	}
	return fmt.Errorf("CloseWrite: %w", http.ErrNotSupported)
}

func (c *countedConn) Close() error {
	err := c.Conn.Close()
	c.line.Closed()
	return err
}
