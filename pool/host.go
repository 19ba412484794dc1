package pool

import (
	"context"
	"hash/maphash"
	"sync"
	"time"

	"github.com/warmconn/warmconn/internal/ledger"
	"github.com/warmconn/warmconn/internal/stack"
)

// host is the slots of one host.
type host struct {
	timeout time.Duration // of a request in all queues; 0: none
	queue   queue
	own     flow // in queue
	ofAll   flow // in the Pool's total
	flights inFlightList
}

const (
	shards = 32
	// sweepFrom is how many hosts a shard may hold before those that are not
	// in use are forgotten to make room.
	sweepFrom = 64
)

type shard struct {
	mu      sync.Mutex
	hosts   map[ledger.Key]*host
	sweepAt int      // twice what the last sweep left
	past    Counters // of hosts that were forgotten
}

// acquisition is one request on its way through its queues.
type acquisition struct {
	cancel  <-chan struct{} // Request.Cancel
	timeout time.Duration   // in all of them together; 0: none
	waited  time.Duration   // so far
	stack   bool            // it is its turn to have its stack taken
}

// acquireAt is acquire for the host of a target, which most often has it at hand.
func (p *Pool) acquireAt(ctx context.Context, v acquisition, s *stack.Target) (*host, acquisition, error) {
	last, _ := s.Load(p).(*host)
	h, v, err := p.acquire(ctx, v, s.Key(), s.Name(), last)
	if h != nil && h != last {
		s.Store(p, h)
	}
	return h, v, err
}

// acquire takes the slots of one request: its host's, then one of all. Name is the
// key's, empty if it is not at hand. Last is what the host was last, if anything.
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
	s := p.shard(key)
	h := s.host(key)
	if h == nil {
		h = p.addHost(s, key, name)
	}
	return h
}

func (p *Pool) shard(key ledger.Key) *shard {
	return &p.shards[maphash.String(p.seed, key.Host)%shards]
}

// host is nil if the host is not known.
func (s *shard) host(key ledger.Key) *host {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.hosts[key]
}

// addHost makes a host that is not known.
func (p *Pool) addHost(s *shard, key ledger.Key, name string) *host {
	if name == "" {
		name = key.String()
	}
	l := p.limitsOf(key, name)
	made := &host{timeout: max(l.WaitTimeout, 0)}
	made.queue.rules = p.rules(l.MaxPerHost, l.MaxWaiting)
	made.queue.host, made.queue.last, made.queue.crowd = name, p.total.limit == 0, p.crowd.join()
	s.mu.Lock()
	defer s.mu.Unlock()
	if h := s.hosts[key]; h != nil {
		return h // another request was faster
	}
	s.sweepLocked()
	made.queue.closed = p.closed.Load()
	s.hosts[key] = made
	return made
}

// sweepLocked makes room for one more host.
func (s *shard) sweepLocked() {
	if s.hosts == nil {
		s.hosts = make(map[ledger.Key]*host)
		s.sweepAt = sweepFrom
	}
	if len(s.hosts) < s.sweepAt {
		return
	}
	for k, h := range s.hosts {
		q := &h.queue
		q.mu.Lock()
		if q.inUse == 0 && q.line.len == 0 {
			q.dead = true
			s.past.add(&q.n)
			delete(s.hosts, k)
		}
		q.mu.Unlock()
	}
	s.sweepAt = max(sweepFrom, 2*len(s.hosts))
}

// each calls f for all hosts, also those that are forgotten meanwhile. Past is
// what those have counted that were before.
func (p *Pool) each(f func(*host)) (past Counters) {
	for i := range p.shards {
		s := &p.shards[i]
		s.mu.Lock()
		hosts := make([]*host, 0, len(s.hosts))
		for _, h := range s.hosts {
			hosts = append(hosts, h)
		}
		past.add(&s.past)
		s.mu.Unlock()
		for _, h := range hosts {
			f(h)
		}
	}
	return past
}
