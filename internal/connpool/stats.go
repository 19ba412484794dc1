package connpool

import (
	"maps"
	"time"

	"github.com/warmconn/warmconn/internal/ledger"
	"github.com/warmconn/warmconn/internal/loss"
)

// closedLocked counts c as closed, and tells the subscribers.
func (h *Host) closedLocked(c *Conn) {
	if !c.counted {
		return // it never had a socket
	}
	why := c.fate()
	c.countedAs = why
	h.tally.Count(why)
	h.pool.ledger.Closed(why)
	closed := ledger.ClosedConn{Key: h.key, Peer: c.peer, Version: c.version(), Age: c.age(), Uses: c.uses}
	h.leftLocked(c)
	h.afterwards(func() { h.pool.ledger.TellClosed(closed) })
	if h.conns.open() == 0 {
		h.sweep.stop()
		h.demand.resetDecay()
	}
}

// recountLocked corrects the reason under which c was counted: the end of an exchange may
// give the reason after the connection was closed.
func (h *Host) recountLocked(c *Conn) {
	if c.state != closed || c.countedAs == loss.None {
		return
	}
	if why := c.fate(); why != c.countedAs {
		h.tally.Recount(c.countedAs, why)
		h.pool.ledger.Recount(c.countedAs, why)
		c.countedAs = why
	}
}

func (c *Conn) fate() loss.Reason {
	switch {
	case c.warmed && c.uses == 0 && !c.refused:
		return loss.Unused // the reason for its end is in the book, for the next dial
	case c.lost != nil:
		return c.lost.Reason
	case c.refused:
		return loss.ConnError
	case c.uses == 0:
		return loss.Unused
	}
	return loss.Unknown
}

// Counts calls f for each host. It must keep neither Lost nor Peers.
func (p *Pool) Counts(f func(ledger.Counts)) {
	p.hosts.each(func(h *Host) {
		h.mu.Lock()
		defer h.mu.Unlock()
		h.conns.spoken[ledger.Unspoken] = h.conns.spoken[ledger.Unspoken] || h.conns.versions[ledger.Unspoken].Open > 0
		busy := h.conns.by[active] + h.conns.by[draining] + h.conns.by[goingAway]
		f(ledger.Counts{
			Key: h.key, Host: h.name, Watched: true, Open: h.conns.open() + h.conns.shaking, Active: busy, Idle: h.conns.by[idle],
			Coming: h.conns.by[dialing], Kept: h.keptLocked(), ServerIdle: h.serverIdleLocked(), Tally: h.tally, Totals: p.ledger.Totals(),
			Versions: h.conns.versions, Spoken: h.conns.spoken, Peers: maps.Clone(h.conns.peers), Shakes: h.shakes,
			Rotates: h.rotatesLocked(),
		})
	})
}

// age is how long ago c came up; of a connection that never did, how long ago its dial began.
func (c *Conn) age() time.Duration {
	if c.opened.IsZero() {
		return time.Since(c.dial.began)
	}
	return time.Since(c.opened)
}

// Calling is how many calls of the program's dialers and Proxy functions are under way
// for the host of that name; if it is empty, for all hosts.
func (p *Pool) Calling(name string) (n int) {
	p.hosts.each(func(h *Host) {
		if name != "" && h.name != name {
			return
		}
		h.mu.Lock()
		n += h.conns.by[dialing]
		h.mu.Unlock()
		n += int(h.proxying.Load())
	})
	return n
}
