package connpool

import (
	"cmp"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/warmconn/warmconn/internal/loss"
)

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
