package connpool

import (
	"context"
	"time"

	"github.com/warmconn/warmconn/internal/linked"
)

// waiter is a request that waits for a connection. Its route's host's mutex guards
// it.
type waiter struct {
	entry *Entry
	began time.Time
	ready chan struct{} // closed when conn or err is there
	conn  *Conn
	got   Got
	err   error
	dial  *Conn // the dial that it owns; nil if there is none
	once  bool  // its request can't be sent again over HTTP/2
	// limited is how long the route's limitClock has run while the waiter had no dial, and
	// asked is what the clock showed when it last lost its dial, or began to wait.
	asked, limited time.Duration

	deadline time.Time     // the request's; zero if it has none
	look     time.Duration // after that time it looks at its route by itself

	place    linked.Place[waiter] // among all that wait
	undialed linked.Place[waiter] // among the waiters without a dial of their own
}

// queued: it waits.
func (w *waiter) queued() bool { return w.place.In() != nil }

// waiters are a route's, in the order of arrival. The zero value is empty.
type waiters struct {
	all      linked.List[waiter]
	undialed linked.List[waiter] // the ones without a dial of their own
	once     int                 // of all, see waiter.once
	limited  limitClock
}

// undialedSince is when the first of the waiters without a dial came; now if there is none.
func (ws *waiters) undialedSince(now time.Time) time.Time {
	if w := ws.undialed.First(); w != nil {
		return w.began
	}
	return now
}

// nextFor is the first waiter that may get c, which speaks HTTP/2.
func (ws *waiters) nextFor(c *Conn, now time.Time) *waiter {
	for w := range ws.all.All() {
		if !w.once || !c.distrustsLocked(now) || !c.avoidsLocked(w.entry, now) {
			return w
		}
	}
	return nil
}

func (ws *waiters) push(w *waiter) {
	if w.once {
		ws.once++
	}
	ws.pushUndialed(w)
	ws.all.Push(&w.place, w)
}

func (ws *waiters) pushUndialed(w *waiter) {
	w.asked = ws.limited.shows()
	ws.undialed.Push(&w.undialed, w)
}

func (ws *waiters) dropUndialed(w *waiter) {
	w.limited += ws.limited.shows() - w.asked
	w.undialed.Remove()
}

// remove takes w out of the lists. The caller must see to a dial that w owns.
func (ws *waiters) remove(w *waiter) {
	if !w.queued() {
		return
	}
	w.place.Remove()
	if w.once {
		ws.once--
	}
	if w.dial == nil {
		ws.dropUndialed(w)
	}
}

// assign makes c the dial of w, which has none.
func (ws *waiters) assign(w *waiter, c *Conn) {
	ws.dropUndialed(w)
	w.dial, c.waiter = c, w
}

// lookAgain is the time after which a request that waits looks at its route by itself: the
// state hook of an http.ClientConn, which would have told of a change, can be lost.
const lookAgain = 200 * time.Millisecond

// wait waits until w is served, or its request has ended.
func (rt *route) wait(ctx context.Context, cancel <-chan struct{}, w *waiter) (*Conn, Got, error) {
	h, look := rt.host, w.look
	t := time.NewTimer(look)
	defer t.Stop()
	for {
		select {
		case <-w.ready:
			if w.err != nil && ctx.Err() != nil {
				return nil, Got{}, context.Cause(ctx) // w.err probably comes from it, and says less (golang.org/issue/16049)
			}
			return w.conn, w.got, w.err
		case <-ctx.Done():
			return nil, Got{}, rt.giveUp(w, context.Cause(ctx))
		case <-cancel:
			return nil, Got{}, rt.giveUp(w, errRequestCanceledConn)
		case <-t.C:
			h.mu.Lock()
			rt.lookLocked(time.Now())
			atGate := rt.protocol == unknown && w.dial == nil
			h.unlock()
			if look = min(2*look, lookAgain); atGate {
				look = gateMost
			}
			t.Reset(look)
		}
	}
}

// giveUp ends the wait of a request that has ended, and returns err.
func (rt *route) giveUp(w *waiter, err error) error {
	h := rt.host
	now := time.Now()
	h.mu.Lock()
	defer h.unlock()
	if w.queued() {
		rt.unqueueLocked(w, now)
		h.fillLocked(now)
		return err
	}
	if c := w.conn; c != nil { // given and given up in the same moment
		c.untakeLocked(w.entry, now)
	}
	return err
}

// unqueueLocked takes w out of the queue. Its dial goes on, for the next request or to show
// its protocol to the ones at the gate; but it is broken off where a dial serves no other
// request and none waits.
func (rt *route) unqueueLocked(w *waiter, now time.Time) {
	rt.waiters.remove(w)
	if c := w.dial; c != nil {
		w.dial, c.waiter, c.abandoned, c.givenUp = nil, nil, now, true
		rt.unowned++
		if c.cancel != nil && !rt.passesOn() && rt.waiters.undialed.Len() == 0 {
			c.cancel()
			c.cancel = nil
		}
	}
	if rt.host.pool.shutDown.Load() {
		rt.breakOffLocked()
	}
}

// serveLocked gives c to w.
func (rt *route) serveLocked(w *waiter, c *Conn, now time.Time) {
	// If w owns a dial, and c was dialed for another request, that request gets w's dial in
	// exchange: so an error of the dial reaches a request that has no other.
	own := w.dial
	other := c.waiter
	rt.waiters.remove(w)
	w.dial = nil
	if own != nil && own != c {
		own.waiter = nil
		if other != nil && other != w && other.queued() {
			other.dial, own.waiter = own, other
		} else {
			own.abandoned = now
			rt.unowned++
		}
	} else if other != nil && other != w && other.queued() {
		other.dial = nil
		rt.waiters.pushUndialed(other)
	}
	c.waiter = nil
	w.conn = c
	w.got = c.takeLocked(w.entry, now)
	w.got.Wait = now.Sub(w.began)
	close(w.ready)
	if rt.host.pool.shutDown.Load() {
		rt.breakOffLocked()
	}
}

// failLocked gives w an error.
func (rt *route) failLocked(w *waiter, err error) {
	rt.waiters.remove(w)
	w.err = err
	close(w.ready)
}

// limitClock runs while the limit of connections forbids a dial that a route's waiting
// requests need. So the time that the limit costs a request can be told from the time of a
// dial: it is how far the clock runs from the beginning of the request's wait until the
// request gets a dial, or is served. There is one clock for a route, and none for each
// request: else every look at a full host would go through all requests that wait.
//
// The clock may run on when no request waits any more. The next request reads it as it
// shows then, and begins its wait with a look that sets the clock right. The zero value
// stands still.
type limitClock struct {
	since time.Time // zero: it stands still
	total time.Duration
}

func (l *limitClock) run(now time.Time) {
	if l.since.IsZero() {
		l.since = now
	}
}

func (l *limitClock) stop(now time.Time) {
	if !l.since.IsZero() {
		l.total += max(now.Sub(l.since), 0)
		l.since = time.Time{}
	}
}

// shows is the time that the clock shows. It asks for the present time only while it runs.
func (l *limitClock) shows() time.Duration {
	if l.since.IsZero() {
		return l.total
	}
	return l.total + max(time.Since(l.since), 0)
}
