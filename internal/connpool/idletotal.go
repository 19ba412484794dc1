package connpool

import (
	"cmp"
	"slices"
	"sync/atomic"
	"time"

	"github.com/warmconn/warmconn/internal/lockorder"
	"github.com/warmconn/warmconn/internal/loss"
)

// idleTotal bounds the idle connections of all hosts together. Hosts that have had
// an idle connection since it last looked are in a list, so that requests share no
// lock.
type idleTotal struct {
	n atomic.Int64

	mu    lockorder.Mutex[lockorder.IdleTotal]
	hosts []*Host
}

func (t *idleTotal) add(h *Host) {
	t.mu.Lock()
	t.hosts = append(t.hosts, h)
	t.mu.Unlock()
}

// remove takes each of them out of the list once.
func (t *idleTotal) remove(hosts []*Host) {
	if len(hosts) == 0 {
		return
	}
	gone := make(map[*Host]bool, len(hosts))
	for _, h := range hosts {
		gone[h] = true
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.hosts = slices.DeleteFunc(t.hosts, func(h *Host) bool {
		yes := gone[h]
		delete(gone, h)
		return yes
	})
}

// evict closes those that have been idle for longest, down to most.
func (t *idleTotal) evict(most int) {
	type idler struct {
		c  *Conn
		at time.Time
	}
	var all []idler
	var none []*Host // have none any more
	t.mu.Lock()
	hosts := slices.Clone(t.hosts)
	t.mu.Unlock()
	seen := make(map[*Host]bool, len(hosts)) // one that has just come back is there twice
	for _, h := range hosts {
		if seen[h] {
			continue
		}
		seen[h] = true
		h.mu.Lock()
		n := len(all)
		for _, rt := range h.allRoutes() {
			for _, c := range rt.idle {
				all = append(all, idler{c, c.idleAt})
			}
		}
		if len(all) == n && h.indexed {
			h.indexed = false // it may come into the list once more at once
			none = append(none, h)
		}
		h.mu.Unlock()
	}
	t.remove(none)
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
