package connpool

import (
	"cmp"
	"context"
	"errors"
	"net/http"
	"slices"
	"time"

	"github.com/warmconn/warmconn/internal/ledger"
	"github.com/warmconn/warmconn/internal/loss"
)

// Warm makes connections before a request needs them. It counts the connections that are
// there, dials the missing ones for no request in particular, and waits for these dials. So
// a request that comes meanwhile adopts one of them rather than dial, and Warm dials again
// in its place: there are never more dials than the requests and Warm would each make.
//
// While it is not known whether a host speaks HTTP/2 there is one dial, as for requests: over
// HTTP/2 one connection is enough.

// warming is a call of Warm that goes on. Its host's mutex guards it.
type warming struct {
	entry *Entry // like a request's, for routes and limits; the host does not count it
	n     int    // asked for
	most  int    // how many of these may be made, over HTTP/1
	short error  // why most is less than n
	conns map[*Conn]struct{}
	dials int   // begun, but for ones that requests have adopted; at most n, if the server hangs up on each
	err   error // the first
	ready int   // how many are ready at the end
	done  chan struct{}
}

// The errors of a Warm that has made fewer connections than it was asked for, though no dial
// has failed.
var (
	errKeepAlivesOff = errors.New("pool: no connection is kept: keep-alives are off")
	errConnLimit     = errors.New("pool: the limit of connections to the host, MaxPerHost or the transport's MaxConnsPerHost, allows no more")
	errIdlePerHost   = errors.New("pool: MaxIdlePerHost, or the transport's MaxIdleConnsPerHost, keeps no more")
	errIdleTotal     = errors.New("pool: the transport's MaxIdleConns keeps no more")
	errNotKept       = errors.New("pool: a connection was closed as soon as it was made")
	errBrokenOff     = errors.New("pool: a dial was broken off: idle connections were to be closed, or a request needed its place under the limit")
	errShutDown      = errors.New("pool: closed")
)

// Warm makes n connections ready for requests that go by req's route, or one that speaks
// HTTP/2. It returns how many are ready, and the first error if they are fewer. O has the
// limits, as for an exchange. When ctx ends Warm waits no more; its dials go on, like the
// dials of a request that gave up.
func (p *Pool) Warm(ctx context.Context, req *http.Request, o Policy, n int) (int, error) {
	e := &Entry{Policy: o, Owner: warmer{ctx}, pool: p, target: p.host(ledger.KeyOf(req.URL))}
	e.host = e.target
	by, err := p.routeFor(e, req)
	if err != nil {
		return 0, err
	}
	rt, now := e.lockRoute(by) // no host counts it as an exchange
	h := rt.host
	p.closeIdle.Store(false) // as a request does
	h.demand.warmedAt = now
	w := &warming{entry: e, n: n, conns: make(map[*Conn]struct{}), done: make(chan struct{})}
	w.boundLocked(rt)
	if ctx.Err() != nil {
		w.err = context.Cause(ctx)
	}
	rt.warmings = append(rt.warmings, w)
	w.lookLocked(rt, now)
	h.unlock()

	look := time.NewTicker(lookAgain) // for another request's dial that takes too long: see gatedLocked
	defer look.Stop()
	for {
		select {
		case <-w.done:
			return w.ready, w.err
		case <-ctx.Done():
			h.mu.Lock()
			if !w.isOver() {
				w.err = cmp.Or(w.err, context.Cause(ctx))
				w.endLocked(rt, time.Now())
			}
			h.unlock()
		case <-look.C:
			h.mu.Lock()
			if !w.isOver() {
				w.lookLocked(rt, time.Now())
			}
			h.unlock()
		}
	}
}

// boundLocked bounds the number of connections to how many the Pool would keep.
func (w *warming) boundLocked(rt *route) {
	h := rt.host
	o := &h.pool.opts
	w.most = w.n
	bound := func(most int, why error) {
		if most < w.most {
			w.most, w.short = max(most, 0), why
		}
	}
	if o.MaxIdle > 0 {
		bound(o.MaxIdle, errIdleTotal)
	}
	if o.MaxIdlePerHost > 0 {
		elsewhere := h.conns.by[idle] - h.conns.http2Idle - len(rt.idle)
		bound(o.MaxIdlePerHost-elsewhere, errIdlePerHost)
	}
	if rt.protocol != unknown && !rt.passesOn() || h.pool.keepAlivesOff {
		bound(0, errKeepAlivesOff)
	}
}

// goal is how many connections must be ready; one while the route's protocol is not known.
func (w *warming) goal(rt *route) int {
	if rt.protocol == http1 {
		return w.most
	}
	return min(1, w.most)
}

// lookLocked counts the connections that are there, and dials the missing ones.
func (w *warming) lookLocked(rt *route, now time.Time) {
	h := rt.host
	coming := w.countLocked(rt, now)
	goal := w.goal(rt)
	if len(w.conns)-coming >= goal {
		w.endLocked(rt, now)
		return
	}
	if rt.protocol == http1 && !rt.passesOn() {
		w.most, w.short, goal = 0, errKeepAlivesOff, 0 // it could have spoken HTTP/2
	}
	if len(w.conns) < goal && w.err == nil && rt.comesBy(now) {
		return // another request's dial shows the protocol, or its connection serves all
	}
	for len(w.conns) < goal && w.err == nil && w.dials < goal {
		switch {
		case h.pool.shutDown.Load():
			w.err = errShutDown
			continue
		case h.fullLocked(w.entry):
			w.short, w.most = errConnLimit, len(w.conns)
			goal = w.most
			continue
		}
		c := rt.dialLocked(w.entry, now)
		rt.unowned++
		c.abandoned = now // a request that adopts it waits no longer than for an abandoned dial
		c.warmed = true
		w.conns[c] = struct{}{}
		w.dials++
		coming++
	}
	if coming == 0 {
		w.endLocked(rt, now)
	}
}

// countLocked brings w.conns up to date, and returns how many of them are dials.
func (w *warming) countLocked(rt *route, now time.Time) (coming int) {
	for c := range w.conns {
		switch {
		case c.state == dialing && c.waiter == nil && (c.warmed || c.hopefulLocked(now)):
			coming++
		case c.state == dialing, c.state == active && !c.http2 && !c.wasIdle: // a request has it, before it was ready
			delete(w.conns, c)
			w.dials--
		case !c.warmLocked():
			delete(w.conns, c)
		}
	}
	add := func(c *Conn) {
		w.conns[c] = struct{}{}
	}
	if rt.protocol == http2 {
		for _, c := range rt.shared {
			if c.warmLocked() && c.due == loss.None {
				add(c)
			}
		}
		return coming
	}
	for _, c := range slices.Backward(rt.idle) {
		if len(w.conns) >= w.goal(rt) {
			return coming
		}
		if c.warmLocked() && !c.overdueLocked(now) && !c.older(rt.host.pool.opts.MaxAge, now) {
			add(c)
		}
	}
	free := rt.unowned - coming - rt.waiters.undialed.Len() // dials for no request that none will adopt
	for _, c := range rt.dials {
		if _, own := w.conns[c]; own || c.waiter != nil || c.cancel == nil || !c.hopefulLocked(now) {
			continue
		}
		if free <= 0 || len(w.conns) >= w.goal(rt) {
			break
		}
		add(c)
		free--
		coming++
		w.dials++ // as if Warm had begun it: a request may adopt it
	}
	return coming
}

// comesBy reports whether to wait for another request's dial: it will show the protocol, or
// its connection will serve all requests.
func (rt *route) comesBy(now time.Time) bool {
	if rt.protocol != http2 || rt.failed {
		return rt.gatedLocked(now)
	}
	return slices.ContainsFunc(rt.dials, func(c *Conn) bool { return now.Sub(c.dial.began) < rt.promiseLocked() })
}

// warmLocked reports whether c is ready, or was ready until a request took it. As far as
// net/http knows it is alive.
func (c *Conn) warmLocked() bool {
	switch c.state {
	case idle:
	case active, draining:
		if !c.http2 && !c.wasIdle {
			return false
		}
	default:
		return false
	}
	return c.cc.Err() == nil
}

func (w *warming) isOver() bool {
	select {
	case <-w.done:
		return true
	default:
		return false
	}
}

// endLocked ends the call, with the connections that are ready.
func (w *warming) endLocked(rt *route, now time.Time) {
	w.countLocked(rt, now)
	for c := range w.conns {
		if c.state != dialing {
			w.ready++
		}
	}
	w.ready = min(w.ready, w.n)
	switch {
	case w.ready >= w.n, rt.protocol == http2 && w.ready > 0:
		w.err = nil
		if rt.protocol == http2 {
			w.ready = 1
		}
	case w.err == nil:
		w.err = cmp.Or(w.short, errNotKept)
	}
	rt.warmings = slices.DeleteFunc(rt.warmings, func(x *warming) bool { return x == w })
	close(w.done)
}

// warmLocked has the route's warmings look again, after the end of a dial.
func (rt *route) warmLocked(now time.Time) {
	for _, w := range slices.Clone(rt.warmings) {
		w.lookLocked(rt, now)
	}
}

// warmFailedLocked tells the route's warmings of a dial that has failed.
func (rt *route) warmFailedLocked(c *Conn, err error) {
	for _, w := range rt.warmings {
		if _, ok := w.conns[c]; ok {
			delete(w.conns, c)
			if errors.Is(err, context.Canceled) {
				err = errBrokenOff // the end of the caller's context does not reach a dial
			}
			w.err = cmp.Or(w.err, err)
		}
	}
}

// warmer is the Owner of an Entry that is no exchange.
type warmer struct{ ctx context.Context }

func (w warmer) Culprit() loss.Culprit        { return loss.Culprit{} }
func (w warmer) Interrupted() loss.Reason     { return loss.None }
func (w warmer) Whole() bool                  { return true }
func (w warmer) Acquired(Got)                 {}
func (w warmer) DialContext() context.Context { return w.ctx }
