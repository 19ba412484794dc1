package connpool

import (
	"context"
	"net/http"
	"runtime"
	"time"

	"github.com/warmconn/warmconn/internal/loss"
)

// acquire gives the exchange a connection for req: one that is idle, one that
// comes free, or one that is dialed.
func (e *Entry) acquire(ctx context.Context, req *http.Request, by routeKey) (*Conn, Got, error) {
	for {
		rt, now := e.lockRoute(by)
		h := rt.host
		if e.pool.closeIdle.Load() {
			e.pool.closeIdle.Store(false)
		}
		if c := rt.pickLocked(e, now); c != nil {
			got := c.takeLocked(e, now)
			tight := c.tightLocked()
			h.unlock()
			if c.ready(ctx, tight) {
				return c, got, nil
			}
			h.mu.Lock()
			c.untakeLocked(e, time.Now())
			h.unlock()
			continue
		}
		if err := invalid(req); err != nil {
			h.unlock()
			return nil, Got{}, err
		}
		w := &waiter{entry: e, began: now, ready: make(chan struct{})}
		rt.waiters.push(w)
		h.fillLocked(now)
		w.hopes = rt.protocol == http2 && w.queued && w.dial == nil
		h.unlock()
		c, got, err := rt.wait(ctx, legacyCancel(req), w)
		if err != nil || c.ready(ctx, w.tight) || !e.reused && c.brokeAtOnce() {
			return c, got, err
		}
		h.mu.Lock()
		c.untakeLocked(e, time.Now())
		h.unlock()
	}
}

// lockRoute returns the route with its host locked, and the exchange entered.
func (e *Entry) lockRoute(by routeKey) (*route, time.Time) {
	for {
		h := e.host
		h.mu.Lock()
		if h.forgotten {
			h.mu.Unlock()
			if h == e.target {
				e.target = e.pool.host(h.key)
				e.host = e.target
			} else {
				e.host = e.pool.forwarder(e.target, by)
			}
			continue
		}
		now := time.Now()
		if !e.entered {
			e.entered = true
			h.inFlight++
			if e.Exempt {
				h.exempt++
			}
			h.worth.Arrives(h.inFlight > 1, e.pool.opts.IdleTimeout, now)
			if h.demand.stock.shortLived() {
				h.demand.stock.arriveLocked(h.inFlight, now)
			}
		}
		return h.routeLocked(by), now
	}
}

// leave takes the exchange, which has no connection, out of the books of the host
// that it has entered.
func (e *Entry) leave(now time.Time) {
	if !e.entered {
		return
	}
	h := e.host
	h.mu.Lock()
	defer h.unlock()
	e.leaveLocked(now)
}

func (e *Entry) leaveLocked(now time.Time) {
	h := e.host
	e.entered = false
	h.inFlight--
	if e.Exempt {
		h.exempt--
		h.fillLocked(now)
	}
	h.worth.Ended(now)
}

// pickLocked returns a connection that can be used at once; nil if there is none.
func (rt *route) pickLocked(e *Entry, now time.Time) *Conn {
	for i := 0; i < len(rt.shared); i++ {
		c := rt.shared[i]
		if c.roomLocked(now) > 0 && !c.dueLocked(e, now) {
			return c
		}
		if i < len(rt.shared) && rt.shared[i] != c {
			i-- // it was found dead, and taken out
		}
	}
	for len(rt.idle) > 0 {
		c := rt.idle[len(rt.idle)-1]
		switch {
		case c.cc.Err() != nil:
			c.loseLocked(c.atRest(now), loss.Culprit{}, now)
		case c.tooIdle(now):
			c.retireLocked(loss.IdleTimeout, now)
		case c.older(rt.host.pool.opts.MaxAge, now):
			c.retireLocked(loss.MaxAge, now)
		default:
			return c
		}
	}
	return nil
}

// tooIdle reports whether c has lain idle for too long, by the wall clock: the
// machine may have slept.
func (c *Conn) tooIdle(now time.Time) bool {
	d := c.idleLimit()
	return d > 0 && (now.Sub(c.idleAt) >= d || now.Round(0).Sub(c.idleAt.Round(0)) >= d)
}

// idleLimit is how long c may lie idle; 0: for good.
func (c *Conn) idleLimit() time.Duration {
	d := c.host.pool.opts.IdleTimeout
	if c.announced > 0 && (d == 0 || c.announced < d) {
		d = c.announced
	}
	return d
}

// roomLocked is how many more streams c takes. It notes what that shows of the
// server's limit, and of a server that takes none any more. Streams that were given
// out and not opened yet are counted here, and not by Reserve: that costs two
// allocations a request, for each call that may run the state hook costs one.
func (c *Conn) roomLocked(now time.Time) int {
	if c.state != idle && c.state != active {
		return 0
	}
	if c.limit.settled && c.streams >= c.limit.most && c.tightLocked() && !c.host.pool.countsOver() {
		return 0 // net/http's lock is a busy one
	}
	n := c.cc.Available()
	if n == 0 {
		c.lookLocked(now)
		return 0
	}
	in := c.cc.InFlight()
	given := max(c.streams-c.over-in, 0) // away, and not opened yet
	if given == 0 {
		c.noteLimitLocked(n, in)
	}
	n -= given
	if most := c.route.streams; most > 0 && !c.limit.settled {
		n = min(n, most-c.streams) // what the others to this host have shown
	}
	return n
}

// takeLocked gives c to the exchange e.
func (c *Conn) takeLocked(e *Entry, now time.Time) Got {
	h, rt := c.host, c.route
	g := Got{ConnID: c.ID, Age: now.Sub(c.opened), Reused: c.uses > 0, HTTP2: c.http2, Held: c.held, Span: c.span}
	g.NetReused = g.Reused || !c.http2 && (c.wasIdle || c.dial.by != e.id)
	if c.state == idle && c.wasIdle {
		g.WasIdle, g.IdleTime = true, now.Sub(c.idleAt)
		h.worth.Survived(g.IdleTime)
	}
	h.countLocked(c, -1)
	c.uses++
	h.countLocked(c, +1)
	g.Uses = c.uses
	c.user, c.givenAt = e.id, now
	c.joinLocked(e)
	if c.state != active {
		h.moveLocked(c, active)
	} else if !c.http2 {
		h.moveLocked(c, active) // in other hands
	}
	if !g.Reused {
		h.spoken[c.version()] = true
		g.Reason, g.Culprit = c.dial.reason, c.dial.blame
		g.Setup, g.TLSVersion, g.Resumed = c.dial.clock.took(), c.tls.version, c.tls.resumed
		g.Own, g.Dialed = c.dial.by == e.id, c.dial.began
		if g.Own {
			h.worth.Paid(rt.hop, now.Sub(c.dial.began))
		} else {
			g.DialedBy = c.dial.culprit
		}
		if !rt.served {
			rt.served = true
			if g.Reason == loss.AllBusy {
				g.Reason = loss.First // whoever's dial it was
			}
		}
	}
	if c.http2 && c.state == active { // net/http gives it to nobody else
		switch {
		case e.Close:
			c.goAwayLocked(loss.ClientClose, e.Owner.Culprit(), now)
		case !rt.passesOn():
			c.goAwayLocked(loss.KeepAlivesOff, loss.Culprit{}, now)
		}
	}
	h.demand.usedLocked(h, now)
	e.conn, e.returned = c, false
	e.reused = g.NetReused
	if c.raw != nil && c.raw.plain && !c.http2 {
		c.raw.armed.Store(true)
	}
	return g
}

// untakeLocked takes c back from an exchange that has sent nothing on it.
func (c *Conn) untakeLocked(e *Entry, now time.Time) {
	h := c.host
	e.conn = nil
	h.countLocked(c, -1)
	c.uses--
	h.countLocked(c, +1)
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

// brokeAtOnce reports whether c, which is new and can't be used, has broken before
// anybody used it. Its request gets the error, as net/http has it, or over HTTP/2 a
// bounded number of tries: a server that hangs up on each connection would be
// dialed for as long as the request lives.
func (c *Conn) brokeAtOnce() bool {
	return c.cc.Err() != nil || c.cc.Available() == 0 && c.cc.InFlight() == 0
}

// ready reports whether a request can be sent on c, which it was given. Over
// HTTP/1 net/http's reader must be waiting on the socket: then there is nothing in
// its buffer that this request would take for its response. It comes back there
// some microseconds after the end of the last body.
// Over HTTP/2 tight says that the stream is to be reserved.
func (c *Conn) ready(ctx context.Context, tight bool) bool {
	if tight {
		return c.reserve()
	}
	if c.http2 || c.raw == nil || c.uses == 1 || c.raw.reading.Load() {
		return c.cc.Err() == nil
	}
	const yields = 100
	began := time.Time{}
	for i := 0; ; i++ {
		switch {
		case c.cc.Err() != nil:
			return false
		case c.raw.reading.Load():
			return true
		case i < yields:
			runtime.Gosched()
			continue
		case i == yields:
			began = time.Now()
		case time.Since(began) > readyMost, ctx.Err() != nil:
			return true // as net/http would; the request's own end is told by itself
		}
		time.Sleep(readyStep)
	}
}

const (
	// readyMost is how long net/http's reader gets to come back to the socket, on a
	// machine that is too busy to run it, and readyStep how often to look.
	readyMost = 50 * time.Millisecond
	readyStep = 50 * time.Microsecond
)

// addIdleLocked and dropIdleLocked keep the route's list of idle connections.
func (rt *route) addIdleLocked(c *Conn) {
	if !c.http2 {
		rt.idle = append(rt.idle, c)
		rt.host.pool.idle.n.Add(1)
	}
}

func (rt *route) dropIdleLocked(c *Conn) {
	if c.http2 {
		return
	}
	rt.host.pool.idle.n.Add(-1)
	for i := len(rt.idle) - 1; i >= 0; i-- { // the last put back is the first taken
		if rt.idle[i] == c {
			copy(rt.idle[i:], rt.idle[i+1:])
			rt.idle[len(rt.idle)-1] = nil
			rt.idle = rt.idle[:len(rt.idle)-1]
			return
		}
	}
}
