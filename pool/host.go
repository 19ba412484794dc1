package pool

import (
	"context"
	"time"

	"github.com/warmconn/warmconn/internal/ledger"
	"github.com/warmconn/warmconn/internal/lockorder"
	"github.com/warmconn/warmconn/internal/stack"
)

// host has the slots of one host.
type host struct {
	timeout time.Duration // of a request in all queues; 0: none
	queue   queue
	own     flow // in queue
	ofAll   flow // in the Pool's total
	flights inFlightList
	past    *past
}

// past holds the counters of forgotten hosts, added up. Stats reads the table first and past
// second. A host in the table may be forgotten between the two: forgotten tells whether past
// has it already. So each request is counted once.
type past struct {
	mu        lockorder.Mutex[lockorder.Past]
	n         Counters
	forgotten uint64 // hosts so far
}

// add adds a host's counters and returns its number among the forgotten hosts, from 1.
func (p *past) add(n *Counters) uint64 {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.n.add(n)
	p.forgotten++
	return p.forgotten
}

func (p *past) sum() (n Counters, forgotten uint64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	n.add(&p.n)
	return n, p.forgotten
}

// acquisition is one request on its way through its queues.
type acquisition struct {
	cancel  <-chan struct{} // Request.Cancel
	timeout time.Duration   // for all queues together; 0: none
	waited  time.Duration   // so far
	stack   bool            // its stack is to be taken
}

// acquireAt is acquire for a target, which keeps its host and so saves most lookups.
func (p *Pool) acquireAt(ctx context.Context, v acquisition, s *stack.Target) (*host, acquisition, error) {
	kept, _ := s.Kept.Get(p)
	last, _ := kept.(*host)
	h, v, err := p.acquire(ctx, v, s.Key, s.Name, last)
	if h != nil && h != last {
		s.Kept.Set(p, h)
	}
	return h, v, err
}

// acquire takes the slots of one request: its host's, then the Pool's. Name is key's String,
// or empty if it is not at hand. Last, if not nil, is an earlier result for key: it saves
// the lookup if the host was not forgotten since.
func (p *Pool) acquire(ctx context.Context, v acquisition, key ledger.Key, name string, last *host) (h *host, _ acquisition, err error) {
	for ok := false; !ok; last = nil {
		if p.closed.Load() {
			return nil, v, ErrClosed
		}
		if h = last; h == nil {
			h = p.host(key, name)
		}
		v.timeout = h.timeout
		if ok, err = h.queue.acquire(ctx, &h.own, &v); err != nil {
			return nil, v, err
		}
	}
	if p.total.limit > 0 {
		if _, err := p.total.acquire(ctx, &h.ofAll, &v); err != nil {
			h.queue.release(nil)
			return nil, v, err
		}
		h.queue.mu.Lock()
		v.stack = h.queue.sentLocked()
		h.queue.mu.Unlock()
	}
	return h, v, nil
}

func (p *Pool) release(h *host, f *stack.Facts) {
	if p.total.limit > 0 {
		p.total.release(nil)
	}
	h.queue.release(f)
}

func (p *Pool) host(key ledger.Key, name string) *host {
	if h, ok := p.table.Get(key, key.Host); ok {
		return h
	}
	if name == "" {
		name = key.String()
	}
	l := p.limitsOf(key, name)
	made := &host{timeout: max(l.WaitTimeout, 0), past: &p.past}
	made.queue.rules = p.rules(l.MaxPerHost, l.MaxWaiting)
	made.queue.host, made.queue.last, made.queue.crowd = name, p.total.limit == 0, p.crowd.join()
	return p.table.Of(key, key.Host, func() *host {
		made.queue.closed = p.closed.Load() // Close sets closed before it goes through the hosts
		return made
	})
}

// Forget implements hosttable.Forgetter.
func (h *host) Forget() bool {
	q := &h.queue
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.inUse > 0 || q.line.len > 0 {
		return false
	}
	q.forgotten = h.past.add(&q.n)
	return true
}

// each calls f for all hosts.
func (p *Pool) each(f func(*host)) { p.table.Each(f) }

// all returns the hosts, among them hosts that were forgotten since, and then past's sum:
// past includes each of these hosts whose queue.forgotten is at most forgotten.
func (p *Pool) all() (hosts []*host, past Counters, forgotten uint64) {
	p.table.Each(func(h *host) { hosts = append(hosts, h) })
	past, forgotten = p.past.sum()
	return hosts, past, forgotten
}
