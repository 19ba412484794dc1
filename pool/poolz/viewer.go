package poolz

import (
	"hash/maphash"
	"sync"
	"time"
	"weak"

	"github.com/warmconn/warmconn/internal/stack"
	"github.com/warmconn/warmconn/pool"
)

const (
	// keepLooking is for how long a viewer goes on when it was looked at last.
	keepLooking = 5 * time.Minute
	// patience is how long a page waits for a new sample: beyond it, it shows the one before.
	patience = 25 * time.Millisecond
)

// inspected is what package pool's layer has for this page beside what is exported.
type inspected interface {
	stack.Watched
	Closed() bool
	Tracks() bool
	LookForChurn()
	ConnsTo(host string, most int) []pool.ConnInfo
	OldestInFlight(host string, most int) []pool.Request
	EachLeak(f func(l pool.Leak, n int, first, last time.Time))
}

// viewer follows a Pool while somebody looks at its page: it hears of exchanges, and a
// goroutine of its own takes samples. Before the first look there is neither. The goroutine
// ends keepLooking after the last look, and what the viewer has seen goes with it; when the
// Pool was closed; and when the Handler and the Pool were dropped, for it holds the viewer
// weakly.
type viewer struct {
	pool   *pool.Pool
	in     inspected
	events eventLog
	bodies bodyBook
	kick   chan struct{} // a sample is wanted now

	mu       sync.Mutex // not held while the Pool is asked
	running  bool
	wanted   bool          // by a look that waits
	looked   time.Time     // when it was looked at last
	since    time.Time     // when it began to look
	sample   *sample       // the last one; nil if there is none
	sampled  chan struct{} // closed with the next one
	unwatch  func()
	all      ring
	rings    map[string]*ring
	lastTick *sample // at the last point of the rings
}

func newViewer(p *pool.Pool) *viewer {
	return &viewer{
		pool: p, in: stack.LayerOf(p.Middleware).(inspected),
		events: eventLog{seed: maphash.MakeSeed()},
		kick:   make(chan struct{}, 1), sampled: make(chan struct{}),
	}
}

// look returns a sample that is good enough, or after patience the last one that there is; nil
// if there is none. Where it must have one, it waits for the first one without end.
func (v *viewer) look(done <-chan struct{}, must bool) *sample {
	v.mu.Lock()
	now := time.Now()
	v.looked = now
	s := v.sample
	if s.good(now) {
		v.mu.Unlock()
		return s
	}
	v.wanted = true
	if !v.running {
		v.startLocked(now)
	}
	sampled := v.sampled
	v.mu.Unlock()
	select {
	case v.kick <- struct{}{}:
	default: // it was kicked already
	}
	var late <-chan time.Time
	if s != nil || !must {
		t := time.NewTimer(patience)
		defer t.Stop()
		late = t.C
	}
	select {
	case <-sampled:
	case <-late:
	case <-done:
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.sample
}

// startLocked begins to look.
func (v *viewer) startLocked(now time.Time) {
	v.running = true
	if v.since.IsZero() {
		v.since = now
	}
	v.in.LookForChurn()
	v.unwatch = v.in.Watch(watcher(v))
	go run(weak.Make(v), v.kick)
}

func watcher(v *viewer) *stack.Watcher { return &stack.Watcher{Ended: v.ended} }

// stopLocked looks no more.
func (v *viewer) stopLocked() {
	v.unwatch()
	v.running, v.unwatch = false, nil
}

// forgetLocked drops what was seen: what comes after a gap is another story.
func (v *viewer) forgetLocked() {
	v.sample, v.since = nil, time.Time{}
	v.all, v.rings, v.lastTick = ring{}, nil, nil
	v.events.clear()
	v.bodies.clear()
}

// run takes samples until the viewer is not looked at any more, or is gone.
func run(w weak.Pointer[viewer], kick <-chan struct{}) {
	t := time.NewTicker(tickEvery)
	defer t.Stop()
	for {
		tick := false
		select {
		case <-kick:
		case <-t.C:
			tick = true
		}
		v := w.Value()
		if v == nil || !v.step(tick) {
			return
		}
	}
}

// step takes a sample if it is time to. It is called by run alone. It returns false when the
// viewer has stopped.
func (v *viewer) step(tick bool) bool {
	v.mu.Lock()
	before, lastTick := v.sample, v.lastTick
	switch now := time.Now(); {
	case v.wanted && !before.good(now): // else whoever has wanted it was woken by the last one
	case now.Sub(v.looked) >= keepLooking:
		v.forgetLocked()
		v.stopLocked()
		v.mu.Unlock()
		return false
	case before != nil && before.closed:
		v.stopLocked() // what was seen stays: there will not be more
		v.mu.Unlock()
		return false
	case before.good(now):
		v.wanted = false
		if tick && before != lastTick {
			v.pointLocked(before)
		}
		v.mu.Unlock()
		return true
	}
	v.wanted = false
	v.mu.Unlock()

	s := take(v.in, v.pool, before, lastTick)
	if before != nil {
		v.notice(before, s)
	}

	v.mu.Lock()
	defer v.mu.Unlock()
	v.sample = s
	if tick || lastTick == nil {
		v.pointLocked(s)
	}
	close(v.sampled)
	v.sampled = make(chan struct{})
	return true
}

// pointLocked adds a point to the rings of the hosts with the most traffic, and drops those of
// others.
func (v *viewer) pointLocked(s *sample) {
	v.all.add(s.at, totalsOfAll(&s.stats))
	rings := make(map[string]*ring, min(len(s.order), ringsMost))
	for _, i := range s.order[:min(len(s.order), ringsMost)] {
		h := &s.stats.Hosts[i]
		r := v.rings[h.Host]
		if r == nil {
			r = new(ring)
			if last := v.lastTick; last != nil { // a host that is new has counted from zero
				var was totals
				if i := last.find(h.Host); i >= 0 {
					was = totalsOfHost(&last.stats.Hosts[i])
				}
				r.add(last.at, was)
			}
		}
		r.add(s.at, totalsOfHost(h))
		rings[h.Host] = r
	}
	v.rings, v.lastTick = rings, s
}

// history are the points of all hosts together and of each, and since when there may be some.
func (v *viewer) history(hosts []string) (all []point, of map[string][]point, since time.Time) {
	v.mu.Lock()
	defer v.mu.Unlock()
	of = make(map[string][]point, len(hosts))
	for _, h := range hosts {
		of[h] = v.rings[h].list()
	}
	return v.all.list(), of, v.since
}
