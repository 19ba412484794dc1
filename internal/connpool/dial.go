package connpool

import (
	"context"
	"crypto/tls"
	"math/rand/v2"
	"net/http/httptrace"
	"slices"
	"sync"
	"time"

	"github.com/warmconn/warmconn/internal/ledger"
	"github.com/warmconn/warmconn/internal/loss"
)

const (
	// promiseMin and promiseMost bound how old a dial may be, whose request has gone,
	// to count as one for the next: twice what a connection has been costing, or
	// promiseUnknown. Then that request dials by itself, and under a limit the dial
	// is broken off to make room.
	promiseMin, promiseUnknown, promiseMost = 50 * time.Millisecond, 250 * time.Millisecond, time.Second
	// gateMost is how long requests wait for the first connection to a host that
	// may turn out to speak HTTP/2, and then serves all of them. If it speaks
	// HTTP/1 they dial at once.
	gateMost = 100 * time.Millisecond
)

// fillLocked starts the dials that the host's waiting requests need: never more
// than requests wait, nor than the limit allows.
func (h *Host) fillLocked(now time.Time) {
	h.direct.fillLocked(now)
	for _, rt := range h.routes {
		rt.fillLocked(now)
	}
}

func (rt *route) fillLocked(now time.Time) {
	h := rt.host
	for rt.needsDialLocked(now) {
		w := rt.waiters.firstUn
		if h.fullLocked(rt, w.entry) {
			h.makeRoomLocked(rt, now)
			return
		}
		rt.waiters.assign(w, rt.dialLocked(w.entry, now))
	}
}

// needsDialLocked reports whether one of the requests that wait has neither a dial
// nor hope for what is on its way.
func (rt *route) needsDialLocked(now time.Time) bool {
	for rt.unowned > 0 && rt.waiters.undialed > 0 && rt.passesOn() {
		if !rt.adoptLocked(now) {
			break
		}
	}
	switch {
	case rt.waiters.undialed == 0:
		return false
	case rt.gatedLocked(now):
		return false
	case rt.protocol == http2 && rt.passesOn():
		if rt.host.pool.strict && len(rt.shared) > 0 {
			return false // a limit of streams is to be waited for, not to be dialed around
		}
		per := max(rt.streams, 1)
		if rt.streams == 0 {
			per = initialStreams
		}
		fresh := 0 // one that takes longer than usual is no hope for others
		for _, c := range rt.dials {
			if now.Sub(c.dial.began) < rt.promiseLocked() {
				fresh++
			}
		}
		n := rt.waiters.n - fresh*per
		return n > 0 && n > rt.comingLocked(now)
	}
	return true
}

// gated reports whether the protocol of the route's connections is to be waited
// for.
func (rt *route) gated() bool {
	return rt.host.key.Scheme == "https" && rt.host.pool.mayHTTP2 && !rt.http1
}

func (rt *route) gatedLocked(now time.Time) bool {
	return rt.protocol == unknown && rt.gated() && !rt.failed && len(rt.dials) > 0 && now.Sub(rt.dials[0].dial.began) < gateMost
}

// adoptLocked gives a dial that is no request's any more to one that waits. It is
// false if none is young enough, and was not broken off.
func (rt *route) adoptLocked(now time.Time) bool {
	for _, c := range rt.dials {
		if c.waiter == nil && c.cancel != nil && c.hopefulLocked(now) {
			rt.unowned--
			rt.waiters.assign(rt.waiters.firstUn, c)
			return true
		}
	}
	return false
}

// passesOn reports whether a dial may serve another request than its own: not where
// no connection is kept, for then each request is promised one that was made for it.
func (rt *route) passesOn() bool { return rt.host.pool.keepsAlive(rt.protocol == http2) }

// promiseLocked is how old an abandoned dial may be that is hoped for.
func (rt *route) promiseLocked() time.Duration {
	cost, measured := rt.host.worth.Cost(rt.hop)
	if measured == 0 {
		return promiseUnknown
	}
	return min(max(2*cost, promiseMin), promiseMost)
}

// hopefulLocked reports whether a request that has no dial of its own may hope for c.
// If the request that it was begun for was served by another connection, nothing
// speaks against it for a while, however busy the machine is; one that gave up may
// have done so because the dial hangs.
func (c *Conn) hopefulLocked(now time.Time) bool {
	switch {
	case c.abandoned.IsZero():
		return true
	case c.givenUp:
		return now.Sub(c.dial.began) < c.route.promiseLocked()
	}
	return now.Sub(c.abandoned) < promiseMost
}

// disownLocked lets those who have adopted a dial hope no longer for one that takes
// too long.
func (rt *route) disownLocked(now time.Time) {
	for _, c := range rt.dials {
		if w := c.waiter; w != nil && !c.hopefulLocked(now) {
			w.dial, c.waiter = nil, nil
			rt.unowned++
			rt.waiters.pushUndialed(w)
		}
	}
}

// fullLocked reports whether the limit forbids one more connection.
func (h *Host) fullLocked(rt *route, e *Entry) bool {
	all := h.conns.open() + h.conns.by[dialing]
	if n := h.pool.opts.MaxConns; n > 0 && all >= n {
		return true
	}
	n := int(e.MaxConns)
	return n > 0 && rt.protocol != http2 && all-h.conns.multiplexed >= n+h.exempt
}

// makeRoomLocked sees to it that a place under the limit comes free, if some
// connection is of no use to those who wait: idle on another route, or being dialed
// for nobody.
func (h *Host) makeRoomLocked(rt *route, now time.Time) {
	if h.conns.by[closing] > 0 {
		return // one comes free
	}
	for _, other := range h.allRoutes() {
		if other != rt && len(other.idle) > 0 {
			other.idle[0].retireLocked(loss.IdleLimit, now)
			return
		}
		for _, c := range other.shared {
			if other != rt && c.state == idle && h.pool.opts.MaxConns > 0 { // the other limit is not HTTP/2's
				c.retireLocked(loss.IdleLimit, now)
				return
			}
		}
	}
	for _, other := range h.allRoutes() {
		for _, c := range other.dials {
			if c.waiter == nil && c.cancel != nil && (other != rt || !rt.passesOn() || !c.hopefulLocked(now)) {
				c.cancel()
				c.cancel = nil
				return
			}
		}
	}
}

// dialLocked starts a dial for the exchange e, or for nobody in particular.
func (rt *route) dialLocked(e *Entry, now time.Time) *Conn {
	h := rt.host
	c := &Conn{ID: h.pool.ledger.NextConn(), route: rt, host: h, state: dialing, jitter: uint8(rand.Uint32())}
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
	rt.dials = append(rt.dials, c)
	go c.connect(ctx)
	return c
}

// dialKey finds the connection that is being made in the context of its dial.
type dialKey struct{}

// connect dials, shakes hands and hands the connection over.
func (c *Conn) connect(ctx context.Context) {
	h, rt := c.host, c.route
	ctx = context.WithValue(ctx, dialKey{}, c)
	hooks := c.dialHooks(h.pool.transport.TLSHandshakeTimeout)
	cc, err := h.pool.transportFor(rt).NewClientConn(httptrace.WithClientTrace(ctx, hooks), h.key.Scheme, h.addr)
	err = c.tls.timedOut(err)
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
	} else if c.raw != nil && !c.raw.closed.Load() {
		c.raw.Close() // net/http leaves that to a goroutine in places
	}
	now := time.Now()
	h.mu.Lock()
	if c.cancel != nil { // else it was broken off
		c.cancel()
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
		rt.dialedLocked(c, now)
	}
	h.fillLocked(now)
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
		rt.failLocked(w, err)
	}
}

func (rt *route) dialedLocked(c *Conn, now time.Time) {
	h := rt.host
	rt.failed = false
	c.opened = now
	if h.pool.ledger.CountsPeers() {
		c.peer = c.held.Peer().Host
	}
	h.openedLocked(c)
	h.conns.shaking--
	if c.http2 {
		rt.protocol = http2
		h.multiplexed.Store(true)
		rt.shared = append(rt.shared, c)
		if c.raw != nil {
			c.raw.tls13.Store(c.tls.version == tls.VersionTLS13)
			c.raw.frames.Store(true)
		}
	} else if rt.protocol != http2 {
		rt.protocol = http1
	}
	h.demand.stock.dialedLocked(c.dial.losses)
	if c.http2 && c.dial.reason == loss.KeepAlivesOff && h.pool.keepsAlive(true) {
		h.verdictLocked(rt, c, now) // its protocol was not known
	}
	if c.http2 {
		// It is idle for a moment, so that it can be given to all who wait.
		h.moveLocked(c, idle)
		c.idleAt = now
		switch {
		case rt.passesOn():
			rt.shareLocked(c, now)
			if c.streams == 0 {
				c.restLocked(now)
			}
		case c.waiter != nil:
			rt.serveLocked(c.waiter, c, now)
		default:
			c.loseLocked(loss.Unused, loss.Culprit{}, now)
		}
		rt.replaceLocked(now)
		return
	}
	w := rt.waiters.first
	if !rt.passesOn() {
		w = c.waiter
	}
	if w != nil {
		rt.serveLocked(w, c, now)
		return
	}
	c.putLocked(nil, now)
}

// shareLocked gives those who wait streams of c, as many as it takes.
func (rt *route) shareLocked(c *Conn, now time.Time) {
	for n := c.roomLocked(now); n > 0 && rt.waiters.first != nil; n-- {
		rt.serveLocked(rt.waiters.first, c, now)
	}
}

// verdictLocked says why c is dialed, and charges it with a loss if one is to
// blame.
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

// dialClock is what a dial took, by net/http's and the dialer's own words.
type dialClock struct {
	mu          sync.Mutex
	dns, shakes time.Time
	setup       ledger.Setup
}

// dialHooks follow the dial of c.
func (c *Conn) dialHooks(tlsTimeout time.Duration) *httptrace.ClientTrace {
	d := &c.dial.clock
	return &httptrace.ClientTrace{
		DNSStart: func(httptrace.DNSStartInfo) {
			d.mu.Lock()
			defer d.mu.Unlock()
			d.dns = time.Now()
		},
		DNSDone: func(httptrace.DNSDoneInfo) {
			d.mu.Lock()
			defer d.mu.Unlock()
			d.setup.DNS += time.Since(d.dns)
		},
		TLSHandshakeStart: func() {
			d.mu.Lock()
			defer d.mu.Unlock()
			d.shakes = time.Now()
			c.tls.arm(c.raw, tlsTimeout)
		},
		TLSHandshakeDone: func(s tls.ConnectionState, err error) {
			d.mu.Lock()
			defer d.mu.Unlock()
			d.setup.TLS += time.Since(d.shakes)
			c.tls.done(s, err)
		},
	}
}

// took is what the dial took, which has ended: all that is not the lookup is the
// connect, tries of several addresses included.
func (d *dialClock) took() ledger.Setup {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.setup
}

// dialed notes how long the dialer took for the socket.
func (d *dialClock) dialed(took time.Duration) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.setup.DNS = min(d.setup.DNS, took)
	d.setup.Connect = took - d.setup.DNS
}
