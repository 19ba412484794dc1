package ledger

import (
	"sync/atomic"
	"time"

	"github.com/warmconn/warmconn/internal/loss"
)

// CountedConn is a connection of which no hook tells who has it, or why it ends: only that
// it was opened, used and closed.
type CountedConn struct {
	conn *Conn
	used atomic.Bool
}

// CountDial enters one to addr, at which peer, if those are counted. Closed must
// follow.
func (l *Ledger) CountDial(addr, peer string) *CountedConn {
	d := new(CountedConn)
	l.host(KeyOfAddr(addr), nil, func(h *Host) { d.conn = h.opensLocked(time.Now(), peer, false) })
	return d
}

// WasWritten notes that something was sent on it: net/http sends nothing that is not for a
// request, or the handshake for one.
func (d *CountedConn) WasWritten() {
	if !d.used.Load() {
		d.used.Store(true)
	}
}

// WasRead notes that something came on it.
func (d *CountedConn) WasRead() {
	// All connections write here, so only as far as anybody looks.
	if reads := &d.conn.host.ledger.reads; reads.Load() <= barelyReads {
		reads.Add(1)
	}
}

// Closed notes that it is closed; more than once does nothing. One on which nothing was
// ever sent was not used.
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
