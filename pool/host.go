package pool

import (
	"context"
	"errors"
	"hash/maphash"
	"sync"
	"time"

	"github.com/warmconn/warmconn/internal/ledger"
)

// host is the slots of one host.
type host struct {
	name    string
	queue   queue
	flights flights
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
	sweepAt int // twice what the last sweep left
}

// acquire takes the slots of one request: its host's, then one of all.
func (p *Pool) acquire(ctx context.Context, key ledger.Key) (h *host, waited bool, err error) {
	l := limits{maxWaiting: p.opts.MaxWaiting, timeout: p.opts.WaitTimeout, stalled: p.gc.run}
	if p.opts.MaxPerHost > 0 || p.opts.MaxTotal > 0 {
		l.began = time.Now()
	}
	for ok := false; !ok; {
		if p.closed.Load() {
			return nil, waited, ErrClosed
		}
		h = p.host(key)
		if ok, waited, err = h.queue.acquire(ctx, l); err != nil {
			return nil, waited, named(err, h.name)
		}
	}
	if p.total.limit > 0 {
		_, w, err := p.total.acquire(ctx, l)
		waited = waited || w
		if err != nil {
			h.queue.forfeit()
			return nil, waited, err
		}
	}
	return h, waited, nil
}

func (p *Pool) release(h *host) {
	if p.total.limit > 0 {
		p.total.release()
	}
	h.queue.release()
}

func named(err error, host string) error {
	var l *LimitError
	if errors.As(err, &l) {
		l.Host = host
	}
	return err
}

func (p *Pool) host(key ledger.Key) *host {
	s := &p.shards[maphash.String(p.seed, key.Host)%shards]
	s.mu.Lock()
	defer s.mu.Unlock()
	h := s.hosts[key]
	if h == nil {
		s.sweep(&p.past)
		h = &host{name: key.String()}
		h.queue.limit = max(p.opts.MaxPerHost, 0)
		h.queue.closed = p.closed.Load()
		s.hosts[key] = h
	}
	return h
}

// sweep makes room for one more host. The shard's lock is held.
func (s *shard) sweep(past *counters) {
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
		if q.inUse == 0 && q.waiters.Len() == 0 {
			q.dead = true
			past.add(q)
			delete(s.hosts, k)
		}
		q.mu.Unlock()
	}
	s.sweepAt = max(sweepFrom, 2*len(s.hosts))
}

func (p *Pool) each(f func(*host)) {
	for i := range p.shards {
		s := &p.shards[i]
		s.mu.Lock()
		hosts := make([]*host, 0, len(s.hosts))
		for _, h := range s.hosts {
			hosts = append(hosts, h)
		}
		s.mu.Unlock()
		for _, h := range hosts {
			f(h)
		}
	}
}
