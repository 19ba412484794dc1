package connpool

import (
	"context"
	"math/rand/v2"
	"net/http/httptrace"
	"net/netip"
	"slices"
	"time"

	"github.com/warmconn/warmconn/internal/loss"
)

// dialLocked starts a dial for the exchange e; with a nil e for no request in particular.
func (rt *route) dialLocked(e *Entry, now time.Time) *Conn {
	h := rt.host
	c := &Conn{ID: h.pool.ledger.NextConn(), route: rt, host: h, state: dialing, jitter: uint8(rand.Uint32())} // #nosec G115 G404 -- its low bits; jitter is no secret
	c.dial.began, c.dial.losses = now, h.demand.stock.losses
	ctx := context.Background()
	if e != nil {
		ctx = context.WithoutCancel(e.Owner.DialContext())
		c.dial.by, c.dial.culprit = e.id, e.Owner.Culprit()
	} else {
		rt.unowned++
	}
	h.verdictLocked(rt, c, now)
	ctx, c.cancel = context.WithCancel(ctx)
	h.conns.by[dialing]++
	h.all.Push(&c.listed, c)
	rt.dials = append(rt.dials, c)
	go c.connect(ctx)
	return c
}

// connect dials, shakes hands and hands the connection over.
func (c *Conn) connect(ctx context.Context) {
	h, rt := c.host, c.route
	d := &dialContext{ctx, c, httptrace.ContextClientTrace(ctx)}
	hooks := c.dialHooks(h.pool.transport.TLSHandshakeTimeout, d.hooks)
	cc, err := h.pool.transportFor(rt).NewClientConn(httptrace.WithClientTrace(d, hooks), h.key.Scheme, rt.addr)
	err = c.dialError(err)
	var to netip.Addr
	if err == nil {
		c.cc = cc
		c.http2 = c.tls.protocol == "h2" || h.key.Scheme == "http" && h.pool.priorHTTP2
		c.held = c.hold()
		if c.raw != nil {
			c.raw.owner.Store(c)
		}
		if c.http2 || c.raw == nil {
			c.hook(true)
		}
		if h.pool.opts.Resolve > 0 {
			to = c.remote()
		}
	} else if c.raw != nil && !c.raw.closed.Load() {
		c.raw.Close() // net/http sometimes leaves that to a goroutine
	}
	now := time.Now()
	h.mu.Lock()
	if c.cancel != nil { // else it was broken off
		if err != nil {
			c.cancel()
		}
		// A dialer may have made a connection that lives as long as the dial's context:
		// net/http does not end it, and nothing above waits for its end.
		c.cancel = nil
	}
	if i := slices.Index(rt.dials, c); i >= 0 {
		rt.dials = slices.Delete(rt.dials, i, i+1)
	}
	if c.waiter == nil {
		rt.unowned--
	}
	if err != nil {
		rt.dialFailedLocked(c, err, now)
	} else {
		if to.IsValid() {
			h.metLocked(c, to, now)
		}
		rt.dialedLocked(c, now)
	}
	h.fillLocked(now)
	if len(rt.warmings) > 0 {
		rt.warmLocked(now)
	}
	h.unlock()
}

func (rt *route) dialFailedLocked(c *Conn, err error, now time.Time) {
	h := rt.host
	rt.failed = true
	if c.counted {
		h.conns.shaking--
		c.refused = c.waiter != nil
	}
	h.book.Refund(c.dial.charged)
	h.moveLocked(c, closed)
	if w := c.waiter; w != nil {
		c.waiter = nil
		if !rt.shareOutLocked(w, now) {
			rt.failLocked(w, err)
		}
	}
	rt.warmFailedLocked(c, err)
}

func (rt *route) dialedLocked(c *Conn, now time.Time) {
	h := rt.host
	rt.failed = false
	c.opened = now
	rt.server.connectedLocked(c.dial.roundTrip(rt.via != nil))
	if h.pool.ledger.CountsPeers() {
		c.peer = c.held.Peer().Host
	}
	h.openedLocked(c)
	if h.pool.listened {
		c.opensLocked()
	}
	h.shakes.Add(c.held.TLS())
	h.conns.shaking--
	if c.http2 {
		rt.protocol = http2
		h.multiplexed.Store(true)
		rt.shared = append(rt.shared, c)
	} else {
		rt.protocol = http1 // even if the host spoke HTTP/2 before
	}
	h.demand.stock.dialedLocked(c.dial.losses)
	if c.http2 && c.dial.reason == loss.KeepAlivesOff && h.pool.keepsAlive(true) {
		h.verdictLocked(rt, c, now) // its protocol was not known
	}
	if c.http2 {
		// It is idle for a moment, so that it can be given to all requests that wait.
		h.moveLocked(c, idle)
		c.idleAt = now
		switch {
		case rt.passesOn():
			rt.shareLocked(c, now)
			switch {
			case c.state == idle:
				c.restLocked(now)
			case c.waiter != nil && c.state != active:
				// The server sent a GOAWAY before any request could have it.
				w := c.waiter
				c.waiter = nil
				rt.failLocked(w, errUnusable)
			}
		case c.waiter != nil:
			rt.serveLocked(c.waiter, c, now)
		default:
			c.loseLocked(loss.Unused, loss.Culprit{}, now)
		}
		if c.limit.settled {
			rt.replaceLocked(now)
		}
		return
	}
	w := rt.waiters.all.First()
	if !rt.passesOn() {
		w = c.waiter
	}
	if w != nil {
		rt.serveLocked(w, c, now)
		return
	}
	c.putLocked(nil, now)
}

// shareLocked gives streams of c to the requests that wait, as many as c has.
func (rt *route) shareLocked(c *Conn, now time.Time) {
	for n := c.roomLocked(now); n > 0 && c.state <= active; n-- {
		w := rt.waiters.nextFor(c, now)
		if w == nil {
			return
		}
		rt.serveLocked(w, c, now)
	}
}

// verdictLocked writes down why c is dialed, and charges c with a loss if that is the reason.
func (h *Host) verdictLocked(rt *route, c *Conn, now time.Time) {
	d := &c.dial
	switch {
	case !h.pool.keepsAlive(rt.protocol == http2):
		d.reason = loss.KeepAlivesOff
		return
	case !rt.served && len(rt.dials) == 0 && h.conns.open() == 0:
		d.reason = loss.First
		return
	}
	l, expired := h.book.Charge(now, now, h.pool.opts.IdleTimeout)
	switch {
	case l != nil:
		d.charged, d.reason, d.blame = l, l.ReasonFor(now), l.Culprit
	case h.conns.open()+h.conns.by[dialing] > 0:
		d.reason = loss.AllBusy
	case expired:
		d.reason = loss.IdleTimeout
	case !rt.served:
		d.reason = loss.First // the dials before it have failed
	default:
		d.reason = loss.Unknown
	}
}
