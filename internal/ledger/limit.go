package ledger

import "time"

// What a limit of connections adds to the gate: it counts them, and makes room.

// full reports whether there are as many connections as the limit allows, those
// being dialed included. h.mu is held.
func (h *Host) full(limit int) bool {
	if limit <= 0 || h.muxed {
		return false
	}
	n := h.open
	for _, c := range h.coming {
		if c.conn == nil && (c.broken.IsZero() || time.Since(c.broken) < handStep) {
			n++
		}
	}
	for _, c := range h.conns {
		if c.state == idle {
			n-- // nobody knows whether it is still there
		}
	}
	for _, c := range h.idles {
		if c.common {
			n-- // it may be in another host's hands, and can't be told to go
		}
	}
	return n >= limit+h.exempt
}

// evict retires an idle connection that no waiting request can use. h.mu is
// held, and given up meanwhile.
func (h *Host) evict() bool {
	useless := func() []*Conn {
		for _, c := range h.idles {
			if c.watched && !c.shared && !c.common && !h.wanted(c) {
				return []*Conn{c}
			}
		}
		return nil
	}
	if !h.ledger.keep.Private || useless() == nil {
		return false
	}
	return h.retire(useless, func(*Conn) Reason { return IdleLimit })
}

// cutStalled breaks off the dials and handshakes of requests that have given up,
// after the time in which connections are made here: servers that hang would hold
// all the places that the limit allows. h.mu is held.
func (h *Host) cutStalled(now time.Time) {
	for _, c := range h.coming {
		switch {
		case !c.orphan || now.Sub(c.since) < h.shareMost(c.addr):
		case c.conn != nil && c.conn.shaking.Load():
			c.conn.end.Abort()
		case c.stop != nil:
			c.stop()
			c.stop, c.broken = nil, now
		}
	}
}
