package connpool

import (
	"cmp"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/warmconn/warmconn/internal/loss"
)

// restsLocked sees to it that c, which has become idle, is retired in time.
func (h *Host) restsLocked(c *Conn, now time.Time) {
	if c.raw != nil {
		c.saidIdle = c.raw.said.Load()
	}
	h.sweep.byLocked(h, c.dueAt())
	if d := h.pool.opts.DecayEvery; d > 0 && !c.http2 {
		if h.demand.decayed.IsZero() {
			h.demand.decayed = now
		}
		h.sweep.byLocked(h, h.demand.decayed.Add(d))
	}
	if n := h.pool.opts.MaxIdle; n > 0 {
		if !h.indexed {
			h.indexed = true
			h.pool.idle.add(h)
		}
		if h.pool.idle.n.Load() > int64(n) {
			h.afterwards(func() { h.pool.idle.evict(n) })
		}
	}
}

// dueAt is when c, which lies idle, is to be retired; zero: never.
func (c *Conn) dueAt() (t time.Time) {
	if d := c.idleLimit(); d > 0 {
		t = c.idleAt.Add(d)
	}
	if d := c.host.pool.opts.MaxAge; d > 0 {
		if old := c.opened.Add(c.ownAge(d)); t.IsZero() || old.Before(t) {
			t = old
		}
	}
	return t
}

// closeIdle closes the connections that lie idle, and breaks off the dials that no
// request waits for.
func (h *Host) closeIdle(why loss.Reason) {
	now := time.Now()
	h.mu.Lock()
	defer h.unlock()
	for _, rt := range h.allRoutes() {
		for _, c := range slices.Clone(rt.idle) {
			c.retireLocked(why, now)
		}
		for _, c := range slices.Clone(rt.shared) {
			if c.state == idle {
				c.retireLocked(why, now)
			}
		}
		for _, c := range rt.dials {
			if c.waiter == nil && c.cancel != nil {
				c.cancel()
				c.cancel = nil // so that no request adopts it
			}
		}
	}
}

// breakDrains closes the connections whose bodies are being read behind their
// callers.
func (h *Host) breakDrains() {
	h.mu.Lock()
	defer h.unlock()
	for _, rt := range h.allRoutes() {
		for _, c := range rt.drains {
			h.afterwards(func() { go c.cc.Close() })
		}
	}
}

// idleTotal bounds the idle connections of all hosts together. Hosts that have had
// an idle connection since it last looked are in a list, so that requests share no
// lock.
type idleTotal struct {
	n atomic.Int64

	mu    sync.Mutex
	hosts []*Host
}

func (t *idleTotal) add(h *Host) {
	t.mu.Lock()
	t.hosts = append(t.hosts, h)
	t.mu.Unlock()
}

// evict closes those that have been idle for longest, down to most.
func (t *idleTotal) evict(most int) {
	type idler struct {
		c  *Conn
		at time.Time
	}
	var all []idler
	t.mu.Lock()
	t.hosts = slices.DeleteFunc(t.hosts, func(h *Host) bool {
		h.mu.Lock()
		defer h.mu.Unlock()
		n := len(all)
		for _, rt := range h.allRoutes() {
			for _, c := range rt.idle {
				all = append(all, idler{c, c.idleAt})
			}
		}
		if len(all) == n {
			h.indexed = false
			return true
		}
		return false
	})
	t.mu.Unlock()
	slices.SortFunc(all, func(a, b idler) int { return cmp.Compare(a.at.UnixNano(), b.at.UnixNano()) })
	now := time.Now()
	for i := range max(len(all)-most, 0) {
		c := all[i].c
		c.host.mu.Lock()
		if c.state == idle && c.idleAt.Equal(all[i].at) {
			c.retireLocked(loss.IdleLimit, now)
		}
		c.host.unlock()
	}
}
