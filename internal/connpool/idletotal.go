package connpool

import (
	"cmp"
	"slices"
	"sync/atomic"
	"time"

	"github.com/warmconn/warmconn/internal/lockorder"
	"github.com/warmconn/warmconn/internal/loss"
)

// idleTotal bounds the idle connections of all hosts together. The hosts that have had an
// idle connection since the last evict are in a list: a host is added once, so that requests
// seldom take the list's lock.
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

// remove takes each of the hosts out of the list once.
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

// evict closes the connections that have been idle for longest, until no more than most are
// idle.
func (t *idleTotal) evict(most int) {
	type idler struct {
		c  *Conn
		at time.Time
	}
	var all []idler
	var none []*Host // hosts without idle connections
	t.mu.Lock()
	hosts := slices.Clone(t.hosts)
	t.mu.Unlock()
	seen := make(map[*Host]bool, len(hosts)) // a host that has just been added again is there twice
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
			h.indexed = false // it may be added again before remove runs
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
