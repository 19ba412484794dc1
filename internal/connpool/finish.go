package connpool

import (
	"time"

	"github.com/warmconn/warmconn/internal/loss"
)

// exchangeEndedLocked takes the exchange off c, over HTTP/1. Reusable says whether c can be
// used again; the other parameters and the results are End's.
func (c *Conn) exchangeEndedLocked(e *Entry, cause loss.Reason, provisional, reusable bool, now time.Time) (lost loss.Reason, back bool) {
	h := c.host
	c.streams = 0
	if h.pool.listened {
		c.releasedLocked()
	}
	switch {
	case c.user != e.id || c.state != active && c.state != draining:
		return cause, false // it was lost before, and the reason written down then
	case cause == loss.Upgraded:
		// The caller owns the connection now, and it is no HTTP connection any more.
		c.noteLocked(cause, e.Owner.Culprit(), now)
		h.moveLocked(c, closed)
		h.fillLocked(now)
		return cause, false
	case reusable && !c.aborted.Load(): // an Abort may have come since reusable was asked
		c.route.server.livedLocked(c.idledFor)
		if c.lost != nil { // it was being drained
			h.book.Withdraw(c.lost)
			c.lost = nil
		}
		why := c.putLocked(e, now)
		return why, why == loss.None
	}
	if cause == loss.None || cause == loss.Unknown {
		cause = c.elimination()
	}
	if provisional && !c.aborted.Load() && c.cc.Err() == nil {
		c.drainLocked(cause, e.Owner.Culprit(), now)
		return cause, false
	}
	announced := c.doomed
	c.loseLocked(cause, e.Owner.Culprit(), now)
	h.fillLocked(now)
	if !announced && (cause == loss.ServerClose || cause == loss.ServerClosedIdle || cause == loss.EarlyResponse) {
		h.succeedLocked(c, e, now)
	}
	return cause, false
}

// elimination is why a connection is lost though its exchange ended in good order.
// Net/http has seen the peer's close after the response, or has given up waiting for the
// request to be written (persistConn.wroteRequest); or the drain of the body was broken off just
// when the body came to its end.
func (c *Conn) elimination() loss.Reason {
	switch end := c.raw.ending(); {
	case end == byPeer:
		return loss.ServerClosedIdle
	case c.aborted.Load():
		return loss.BodyUnread
	case end == byOthers:
		return loss.ConnError
	}
	return loss.EarlyResponse
}

// drainLocked is for a connection whose body is drained after its Close.
func (c *Conn) drainLocked(cause loss.Reason, culprit loss.Culprit, now time.Time) {
	if c.lost == nil {
		c.lost = &loss.Loss{At: now, Reason: cause, Culprit: culprit, Provisional: true}
		c.host.book.Add(c.lost)
	}
	if c.state != draining {
		c.host.moveLocked(c, draining)
		if c.raw != nil {
			c.host.afterwards(func() { c.hook(true) })
		}
	}
	c.host.sweep.byLocked(c.host, now.Add(drainLook))
}

// drainLook is the time after which a connection is looked at that net/http drains after the
// Close: net/http takes 50 ms at most.
const drainLook = 100 * time.Millisecond

// Draining notes that the rest of the exchange's body is drained after its Close has
// returned: the connection may come back.
func (e *Entry) Draining(now time.Time) {
	c := e.conn
	if c == nil || c.http2 {
		return
	}
	h := c.host
	h.mu.Lock()
	defer h.unlock()
	if c.user == e.id && c.state == active {
		c.drainLocked(loss.BodyUnread, e.Owner.Culprit(), now)
	}
}

// putLocked puts c back, over HTTP/1. If c is not kept it returns the reason. E is the
// exchange that had it; nil if none had.
func (c *Conn) putLocked(e *Entry, now time.Time) loss.Reason {
	h, rt := c.host, c.route
	why := loss.ClosedIdle
	if !h.pool.keepsNone() {
		why = c.dueReason(e, now)
	}
	switch {
	case why != loss.None:
	case c.uses == 0 && !h.pool.keepsAlive(false):
		why = loss.KeepAlivesOff
	case len(h.routes) > 0 && h.olderElsewhereLocked(rt, now):
		why = loss.IdleLimit // a request on another route needs its place under the limit
	case rt.waiters.all.Len() > 0:
		rt.serveLocked(rt.waiters.all.First(), c, now)
		return loss.None
	case h.pool.opts.MaxIdlePerHost < 0 && c.uses > 0, h.idleFullLocked():
		why = loss.IdleLimit
	}
	if why == loss.None {
		c.restLocked(now)
		return loss.None
	}
	if c.uses == 0 {
		c.loseLocked(loss.Unused, loss.Culprit{}, now)
		return why
	}
	var culprit loss.Culprit
	if e != nil && why.Blames() {
		culprit = e.Owner.Culprit()
	}
	c.loseLocked(why, culprit, now)
	h.fillLocked(now)
	return why
}

// keepsNone reports whether no connection that comes back is kept: the Pool was shut down,
// or CloseIdleConnections was called and no request has come since.
func (p *Pool) keepsNone() bool { return p.shutDown.Load() || p.closeIdle.Load() }

// idleFullLocked reports whether MaxIdlePerHost allows no more idle connections. It counts
// connections over HTTP/1.
func (h *Host) idleFullLocked() bool {
	most := h.pool.opts.MaxIdlePerHost
	return most > 0 && h.conns.by[idle]-h.conns.http2Idle >= most
}

// restLocked makes c idle. After Shutdown it closes one of HTTP/2 instead.
func (c *Conn) restLocked(now time.Time) {
	if c.http2 && c.host.pool.shutDown.Load() && c.quietLocked() {
		c.loseLocked(loss.ClosedIdle, loss.Culprit{}, now)
		return
	}
	c.idleAt, c.wasIdle, c.probe = now, true, false
	if c.state != idle {
		c.host.moveLocked(c, idle)
	}
	c.host.restsLocked(c, now)
}
