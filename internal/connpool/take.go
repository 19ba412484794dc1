package connpool

import (
	"time"

	"github.com/warmconn/warmconn/internal/loss"
)

// takeLocked gives c to the exchange e.
func (c *Conn) takeLocked(e *Entry, now time.Time) Got {
	h, rt := c.host, c.route
	g := Got{ConnID: c.ID, Age: now.Sub(c.opened), Reused: c.uses > 0, HTTP2: c.http2, Held: c.held, Span: c.span, at: now}
	g.NetReused = g.Reused || !c.http2 && (c.wasIdle || c.dial.by != e.id && !c.abandoned.IsZero())
	if c.state == idle && c.wasIdle {
		g.WasIdle, g.IdleTime = true, now.Sub(c.idleAt)
		rt.server.takenLocked(g.IdleTime)
	}
	if c.streams == 0 {
		c.idledFor, c.busySince = g.IdleTime, now
	}
	ahead := c.ahead
	c.usedLocked(+1)
	g.Uses = c.uses
	c.user, c.givenAt = e.id, now
	c.streams++
	if c.state != active || !c.http2 {
		h.moveLocked(c, active) // over HTTP/1 it may have been active for another exchange
	}
	if !g.Reused {
		if (ahead || c.warmed) && c.dial.charged == nil {
			h.verdictLocked(rt, c, now)
		}
		h.conns.spoken[c.version()] = true
		g.Reason, g.Culprit = c.dial.reason, c.dial.blame
		g.Setup, g.TLSVersion, g.Resumed = c.dial.clock.took(), c.tls.version, c.tls.resumed
		g.Own, g.Dialed = c.dial.by == e.id, c.dial.began
		if g.Own {
			h.worth.Paid(rt.hop, now.Sub(c.dial.began))
		} else {
			// On a busy machine most new connections were dialed for another request: what
			// they cost must be known, too.
			h.worth.Paid(rt.hop, c.opened.Sub(c.dial.began))
			g.DialedBy = c.dial.culprit
		}
		if !rt.served {
			rt.served = true
			if g.Reason == loss.AllBusy { // the first connection used is the first, whichever dial made it
				g.Reason = loss.First
				for _, x := range rt.dials {
					if x.dial.reason == loss.First {
						x.dial.reason = loss.AllBusy
					}
				}
			}
		}
		c.newReason = g.Reason
	}
	if h.pool.listened {
		c.acquiredLocked(g.IdleTime)
	}
	if c.http2 && c.state == active { // net/http gives it to no other request
		switch {
		case e.Close:
			c.goAwayLocked(loss.ClientClose, e.Owner.Culprit(), now)
		case !rt.passesOn():
			c.goAwayLocked(loss.KeepAlivesOff, loss.Culprit{}, now)
		}
	}
	h.demand.usedLocked(h)
	c.foreseeLocked(e, now)
	if c.http2 && h.pool.spreads() {
		c.spreadLocked(e, now)
	}
	e.giveLocked(c)
	if e.tight = c.http2 && (c.tightLocked() || !c.limit.settled); e.tight {
		c.unreserved.Add(1)
	}
	if c.raw != nil && c.raw.plain && !c.http2 {
		c.raw.armed.Store(true)
	}
	return g
}

// untakeLocked takes c back from an exchange that has sent nothing on it.
func (c *Conn) untakeLocked(e *Entry, now time.Time) {
	e.takeBackLocked()
	if e.tight {
		e.tight = false
		c.unreserved.Add(-1)
	}
	c.usedLocked(-1)
	c.leaveLocked(e)
	if c.raw != nil {
		c.raw.armed.Store(false)
	}
	switch {
	case c.cc.Err() != nil:
		c.wasIdle = true
		if c.streams == 0 {
			c.loseLocked(c.atRest(now), loss.Culprit{}, now)
		}
	case c.http2:
		c.emptyLocked(now)
	default:
		c.putLocked(nil, now)
	}
}
