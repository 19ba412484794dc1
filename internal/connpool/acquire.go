package connpool

import (
	"context"
	"net/http"
	"time"
)

// acquire gives the exchange a connection for req: one that is idle, one that
// comes free, or one that is dialed. Cancel is legacyCancel's.
func (e *Entry) acquire(ctx context.Context, cancel <-chan struct{}, req *http.Request, by routeKey) (*Conn, Got, error) {
	limited := time.Duration(0)
	for {
		rt, now := e.lockRoute(by)
		h := rt.host
		if e.phase == outside {
			e.enterLocked(rt, now)
		}
		if e.pool.closeIdle.Load() {
			e.pool.closeIdle.Store(false)
		}
		if c := rt.pickLocked(e, req, now); c != nil {
			got := c.takeLocked(e, now)
			h.unlock()
			if e.ready(ctx, c) {
				got.Limited = limited
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
		w := &waiter{entry: e, began: now, ready: make(chan struct{}), once: sentOnce(req, true)}
		w.deadline, _ = ctx.Deadline()
		rt.waiters.push(w)
		h.fillLocked(now)
		switch w.look = gateMost; {
		case rt.protocol == http1 && (w.dial == nil || w.dial.abandoned.IsZero()): // one that it has adopted may hang
			w.look = lookAgain
		case rt.protocol == http2 && w.queued() && w.dial == nil:
			w.look = lingerMost // it hopes for a stream that is about to end
		}
		h.unlock()
		c, got, err := rt.wait(ctx, cancel, w)
		limited += w.limited
		got.Limited = limited
		if err != nil || e.ready(ctx, c) || !got.NetReused && c.brokeAtOnce() {
			return c, got, err
		}
		h.mu.Lock()
		c.untakeLocked(e, time.Now())
		h.unlock()
	}
}

// lockRoute returns the route with its host locked.
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
		return h.routeLocked(by), time.Now()
	}
}
