package pool

import (
	"cmp"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/warmconn/warmconn/internal/ledger"
)

// Stats is what a Pool looks like at one moment: gauges first, then counters
// since New. The figures of one host are of one moment, slots and connections
// each by themselves.
type Stats struct {
	// Hosts are those that are in use, or were not forgotten yet, in the order
	// of their names.
	Hosts []HostStats

	// InUse is how many requests are in flight: the sum over Hosts, less those
	// that have their host's slot and wait for one of all.
	InUse int
	// Idle and Open are the sums over Hosts.
	Idle, Open int
	// Waiting is how many requests wait, for a slot of their host or of all.
	Waiting int
	// Limit is MaxTotal; 0 means none.
	Limit int

	// The counters are the sums over all hosts, forgotten ones too, and over
	// the queue for MaxTotal.
	Requests      uint64
	Waits         uint64
	WaitTime      time.Duration
	QueueFull     uint64
	WaitTimeouts  uint64
	Hopeless      uint64
	Shed          uint64
	WaitsCanceled uint64
	Leaks         uint64
}

// HostStats is the part of one host.
type HostStats struct {
	// Host is scheme, name and port. Connections that were dialed by a clone
	// from Transport without the Middleware are listed under the address that
	// was dialed.
	Host string

	// InUse is how many slots are in use: requests whose body has not ended.
	InUse int
	// Idle is how many connections are open and in nobody's hands.
	Idle int
	// Open is how many connections are open, as far as the pool can see: over
	// a base that it does not watch, those that it believes to be.
	Open int
	// Dialing is how many are being dialed, or were and wait for their first
	// request.
	Dialing int
	// Waiting is how many requests wait for a slot.
	Waiting int
	// Limit is the limit of slots; 0 means none.
	Limit int

	// Requests is how many were sent, or are about to be.
	Requests uint64
	// Opened and Closed count connections; Opened - Closed = Open.
	Opened, Closed uint64
	// Waits is how many requests waited for a slot, WaitTime how long in all.
	Waits    uint64
	WaitTime time.Duration
	// QueueFull and WaitTimeouts count refusals.
	QueueFull, WaitTimeouts uint64
	// Hopeless counts refusals by RefuseHopeless, which WaitTimeouts does not;
	// Shed those by ShedTarget.
	Hopeless, Shed uint64
	// WaitsCanceled is how many requests left the queue with their context.
	WaitsCanceled uint64
	// Leaks is how many bodies were dropped without being closed.
	Leaks uint64
}

// Stats returns a snapshot. Its cost grows with the number of hosts in use.
func (p *Pool) Stats() Stats {
	by := make(map[string]*HostStats)
	at := func(key string) *HostStats {
		h := by[key]
		if h == nil {
			h = &HostStats{Host: key}
			by[key] = h
		}
		return h
	}
	s := Stats{Limit: p.total.limit}
	p.past.addTo(&s)
	p.each(func(h *host) {
		q := &h.queue
		q.mu.Lock()
		defer q.mu.Unlock()
		if q.dead {
			return
		}
		e := at(h.name)
		e.InUse, e.Waiting, e.Limit = q.inUse, q.line.len, q.limit
		e.Requests, e.Waits, e.WaitTime = q.requests, q.waits, q.waited
		e.QueueFull, e.WaitTimeouts, e.Leaks = q.full, q.timeouts, q.leaks
		e.Hopeless, e.Shed, e.WaitsCanceled = q.hopeless, q.shed, q.canceled
	})
	p.bases.each(func(l *ledger.Ledger) {
		l.Counts(func(c ledger.Counts) {
			e := at(c.Host)
			e.Open += c.Open
			e.Idle += c.Idle
			e.Dialing += c.Coming
			e.Opened += c.Opened
			e.Closed += c.Closed
		})
	})
	for _, h := range by {
		s.Hosts = append(s.Hosts, *h)
		s.InUse += h.InUse
		s.Idle += h.Idle
		s.Open += h.Open
		s.Waiting += h.Waiting
		s.Requests += h.Requests
		s.Waits += h.Waits
		s.WaitTime += h.WaitTime
		s.QueueFull += h.QueueFull
		s.WaitTimeouts += h.WaitTimeouts
		s.Hopeless += h.Hopeless
		s.Shed += h.Shed
		s.WaitsCanceled += h.WaitsCanceled
		s.Leaks += h.Leaks
	}
	if q := &p.total; q.limit > 0 {
		q.mu.Lock()
		s.InUse = q.inUse
		s.Waiting += q.line.len
		s.Waits += q.waits
		s.WaitTime += q.waited
		s.QueueFull += q.full
		s.WaitTimeouts += q.timeouts
		s.Hopeless += q.hopeless
		s.Shed += q.shed
		s.WaitsCanceled += q.canceled
		q.mu.Unlock()
	}
	slices.SortFunc(s.Hosts, func(a, b HostStats) int { return cmp.Compare(a.Host, b.Host) })
	return s
}

// counters are the sums of hosts that were forgotten.
type counters struct {
	mu  sync.Mutex
	sum Stats
}

// add takes a host's counters over. q.mu is held.
func (c *counters) add(q *queue) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.sum.Requests += q.requests
	c.sum.Waits += q.waits
	c.sum.WaitTime += q.waited
	c.sum.QueueFull += q.full
	c.sum.WaitTimeouts += q.timeouts
	c.sum.Hopeless += q.hopeless
	c.sum.Shed += q.shed
	c.sum.WaitsCanceled += q.canceled
	c.sum.Leaks += q.leaks
}

func (c *counters) addTo(s *Stats) {
	c.mu.Lock()
	defer c.mu.Unlock()
	s.Requests, s.Waits, s.WaitTime = c.sum.Requests, c.sum.Waits, c.sum.WaitTime
	s.QueueFull, s.WaitTimeouts, s.Leaks = c.sum.QueueFull, c.sum.WaitTimeouts, c.sum.Leaks
	s.Hopeless, s.Shed, s.WaitsCanceled = c.sum.Hopeless, c.sum.Shed, c.sum.WaitsCanceled
}

// Describe is the pool's line in roundtripper.Describe.
func (t part) Describe(w ledger.Watch) string {
	limit := "no limit"
	if n := t.p.opts.MaxPerHost; n > 0 {
		limit = fmt.Sprintf("at most %d in flight per host", n)
	}
	if len(t.p.hosts) > 0 || t.p.opts.HostLimits != nil {
		limit += " but for single ones"
	}
	switch w {
	case ledger.Watched:
		return "pool: " + limit + "; watches connections, on a clone of the transport"
	case ledger.WatchedHTTP:
		return "pool: " + limit + "; watches connections for http, on a clone of the transport; only counts those of its own TLS dialer"
	}
	return "pool: " + limit + "; only counts requests, the base can't be watched"
}
