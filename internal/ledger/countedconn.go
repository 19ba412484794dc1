package ledger

import (
	"sync/atomic"
	"time"

	"github.com/warmconn/warmconn/internal/loss"
)

// CountedConn is a connection that no hook tells of: neither which request has it nor why
// it ends. It is known only that it was opened, used and closed.
type CountedConn struct {
	conn *Conn
	used atomic.Bool
}

// CountDial enters a new connection to addr. Peer is the address of its other end, empty
// unless peers are counted. The caller must call Closed once it is closed.
func (l *Ledger) CountDial(addr, peer string) *CountedConn {
	d := new(CountedConn)
	l.host(KeyOfAddr(addr), nil, func(h *Host) { d.conn = h.opensLocked(time.Now(), peer, false) })
	return d
}

// WasWritten notes that bytes were sent on the connection: net/http sends none but for a
// request, or for the handshake before one.
func (d *CountedConn) WasWritten() {
	if !d.used.Load() {
		d.used.Store(true)
	}
}

// WasRead notes that bytes came on the connection.
func (d *CountedConn) WasRead() {
	// All connections share this counter, so it stops where its reader, barelyRead, does.
	if reads := &d.conn.host.ledger.reads; reads.Load() <= barelyReads {
		reads.Add(1)
	}
}

// Closed notes that the connection is closed; only the first call counts. It is counted as
// unused if nothing was ever sent on it.
func (d *CountedConn) Closed() {
	c := d.conn
	h := c.host
	h.mu.Lock()
	if c.state == gone {
		h.mu.Unlock()
		return
	}
	if d.used.Load() {
		c.loss = &loss.Loss{Reason: Unknown}
	}
	h.moveLocked(c, gone)
	life := ClosedConn{Key: h.key, Peer: c.peer, Age: time.Since(c.opened)}
	h.mu.Unlock()
	h.ledger.TellClosed(life)
}
