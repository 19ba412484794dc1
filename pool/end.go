package pool

import (
	"net"
	"sync"
	"time"
)

// Expire implements ledger.Ender.
func (c *conn) Expire() {
	if c.Conn.SetReadDeadline(time.Unix(1, 0)) != nil {
		c.Cut()
	}
}

// Cut implements ledger.Ender. Who waits for it must not wait for a Close that
// hangs.
func (c *conn) Cut() { go c.Conn.Close() }

// Abort implements ledger.Ender.
func (c *conn) Abort() {
	if c.shake.abort() {
		c.Cut()
	}
}

// handshake is the reading side of a connection that nobody can have yet. One
// that waits to read has not come to its end, and can't if that read fails: so
// net/http won't give it to anybody, as it might if it were closed in any other
// moment.
type handshake struct {
	mu      sync.Mutex
	reading bool
	aborted bool
}

func (h *handshake) read(c net.Conn, p []byte) (int, error) {
	h.mu.Lock()
	if h.aborted {
		h.mu.Unlock()
		return 0, net.ErrClosed
	}
	h.reading = true
	h.mu.Unlock()
	n, err := c.Read(p)
	h.mu.Lock()
	defer h.mu.Unlock()
	h.reading = false
	if h.aborted {
		return 0, net.ErrClosed
	}
	return n, err
}

func (h *handshake) abort() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.reading {
		h.aborted = true
	}
	return h.reading
}
