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

// countDials is how t dials, by the rules of Transport.dial, with each connection
// entered in l. It holds neither t nor the Pool. Where a connpool.Pool stands on t,
// that counts the connections which it dials.
func countDials(t *http.Transport, l *ledger.Ledger) dialFunc {
	dial := t.DialContext
	//lint:ignore SA1019 whoever still sets it must be dialed for by it
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
			peer = ledger.PeerOf(nc.RemoteAddr()).Host
		}
		return &countedConn{nc, l.CountDial(addr, peer)}, nil
	}
}

// countedConn is a connection that the program has, seen only to open, to be
// used and to be closed.
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
