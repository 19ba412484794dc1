package ledger

import (
	"time"

	"github.com/warmconn/warmconn/internal/loss"
)

// coming is a connection on its way to its first request.
type coming struct {
	use    uint64 // whose it is, by ID: connections must not reach a Use
	addr   string
	began  time.Time
	until  time.Time // when it stops to be a promise
	orphan bool      // its request has given up
	since  time.Time // when it did
	stop   func()    // breaks the dial off; nil if it is done, or nobody knows how
	broken time.Time // when it was
	conn   *Conn     // once the dial is done
	why    verdict   // empty if nobody knows the request
}

// Dial is leave to dial. Exactly one of Opened and Done must follow.
type Dial struct {
	host   *Host
	coming *coming
	dialer Culprit // whose dial it is
	shakes bool    // Use.Shakes
}

// AdmitUnknown is leave for a dial of which nobody knows the request.
func (l *Ledger) AdmitUnknown(addr string) Dial {
	c := new(coming)
	c.orphan = true
	return Dial{coming: c, host: l.host(KeyOfAddr(addr), nil, func(h *Host) { h.coming = append(h.coming, c) })}
}

// Breakable says how the dial is broken off.
func (d Dial) Breakable(stop func()) {
	d.host.mu.Lock()
	defer d.host.mu.Unlock()
	d.coming.stop = stop
}

// Opened enters the connection that the dial brought; Closing and Closed must
// follow when it is closed. Peer is its address if
// they are counted. Or it returns ErrNotNeeded, and the connection is to be
// closed at once: the dial was broken off, and its dialer did not heed that.
func (d Dial) Opened(took Setup, end Ender, peer string, now time.Time) (*Conn, error) {
	h := d.host
	h.mu.Lock()
	defer h.mu.Unlock()
	if !d.coming.broken.IsZero() {
		h.drop(d.coming)
		return nil, ErrNotNeeded
	}
	c := h.opens(now, peer, false)
	c.watched, c.end = true, end
	c.coming = d.coming
	if h.key.Scheme != "https" {
		c.coming.until = now.Add(putStep)
	} else {
		c.coming.until = now.Add(comingMost)
	}
	c.by, c.addr, c.dialer, c.setup, c.dialed = d.coming.use, d.coming.addr, d.dialer, took, d.coming.began
	c.common = h.key.Scheme != "https" && !h.key.dials(c.addr) || h.key.international()
	c.coming.conn, c.coming.stop = c, nil
	c.shaking.Store(d.shakes)
	return c, nil
}

// Done notes that the dial has ended and brought nothing that reports to this
// ledger: it failed, or its connection can't be watched.
func (d Dial) Done() {
	d.host.mu.Lock()
	defer d.host.mu.Unlock()
	d.host.drop(d.coming)
}

// drop ends a promise that was not kept. h.mu is held.
func (h *Host) drop(c *coming) {
	h.losses.Refund(c.why.loss)
	h.arrived(c)
}

// stead returns what an HTTP/2 connection was dialed for that is used in place of
// others, dialed at the same time for requests that it serves as well: a loss
// that one of those was charged with is what all were dialed for. They are
// closed, or will be. Nil if there is none. h.mu is held.
func (h *Host) stead(a ask, now time.Time) *loss.Loss {
	for _, c := range h.coming {
		if l := c.why.loss; l != nil {
			c.why = verdict{reason: AllBusy}
			return l
		}
	}
	l, _ := h.losses.Charge(a.at, now, h.ledger.idleTimeout) // of one that is closed
	return l
}
