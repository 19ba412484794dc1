package ledger

import (
	"net"
	"time"
)

// Conn is one connection's line in the ledger.
type Conn struct {
	// ID is unique in this ledger, from 1 on.
	ID     uint64
	host   *Host
	opened time.Time

	// Guarded by host.mu.
	state   state
	uses    int
	streams int    // exchanges that ride on it; more than one only over HTTP/2
	user    uint64 // the Use that has it, or had it last
	shared  bool   // HTTP/2: many exchanges, never put back
	eof     bool   // a Read of it failed: the peer closed, or reset
	foreign bool   // was in use before this ledger first saw it
	watched bool   // its dialer reports: Closed will be called
	loss    *loss  // once it was written down as lost
	key     net.Conn
	// Why it was dialed; empty if the dial could not be told whose it was.
	reason  Reason
	culprit Culprit
}

type state uint8

const (
	unused state = iota // dialed, never had by an exchange
	active
	idle
	gone // closed, upgraded, or believed so
)

// opens enters a new connection. h.mu is held.
func (h *Host) opens(now time.Time) *Conn {
	h.open++
	h.opened++
	return &Conn{ID: h.ledger.conns.Add(1), host: h, opened: now}
}

// shut takes a connection out of the counts, once. h.mu is held.
func (h *Host) shut(c *Conn) {
	switch c.state {
	case gone:
		return
	case active:
		h.active--
	case idle:
		h.idle--
	}
	c.state = gone
	h.open--
	h.closed++
	h.wake()
}

// ReadFailed notes that the peer ended or broke the connection.
func (c *Conn) ReadFailed() {
	c.host.mu.Lock()
	c.eof = true
	c.host.mu.Unlock()
}

// Closed notes that a watched connection was closed. Cause is what the caller
// of Close shows, Unknown if nothing; it counts only where no exchange has the
// connection, for an exchange knows better by itself.
func (c *Conn) Closed(cause Reason) {
	h := c.host
	h.mu.Lock()
	defer h.mu.Unlock()
	was := c.state
	h.shut(c)
	switch {
	case c.loss != nil:
		c.loss.provisional = false
	case was == idle || was == active && c.shared:
		if c.eof && (cause == Unknown || cause == ProtocolError) {
			cause = ServerClosedIdle
		}
		c.loss = &loss{at: time.Now(), reason: cause}
		h.lose(c.loss)
	}
	// A connection that was never used costs nobody anything: a second dial
	// that lost its race.
}
