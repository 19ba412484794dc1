package record

import (
	"net/http"
	"sync"
	"time"
)

// Background bounds the drains that go on after Close has returned. The zero
// value runs none. Its goroutines end with their drains, each within its budget.
type Background struct {
	Max int // at a time

	mu      sync.Mutex
	running map[*Record]struct{}
	closed  bool
}

// acquire makes room for the drain of r, if there is any.
func (b *Background) acquire(r *Record) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closed || len(b.running) >= b.Max {
		return false
	}
	if b.running == nil {
		b.running = make(map[*Record]struct{})
	}
	b.running[r] = struct{}{}
	return true
}

func (b *Background) release(r *Record) {
	b.mu.Lock()
	defer b.mu.Unlock()
	delete(b.running, r)
}

// Close breaks off what is running, without waiting for it, and lets nothing
// more begin.
func (b *Background) Close() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.closed = true
	for r := range b.running {
		r.breakOff()
	}
}

// breakOff ends a drain in the background before its time.
func (r *Record) breakOff() {
	r.body.mu.Lock()
	r.body.brokenOff = true
	r.body.mu.Unlock()
	r.cancel()
}

func (r *Record) wasBrokenOff() bool {
	if r.owned() && r.pipe.owned.Over() {
		return true // its connection was closed with the pool
	}
	r.body.mu.Lock()
	defer r.body.mu.Unlock()
	return r.body.brokenOff
}

// background is where the stack's drains may go on: room in all of its drain
// layers is needed. None if Close has to wait for one of them.
func (l *pipeline) background() (all []*Background) {
	for _, p := range l.layers {
		if d, ok := p.(Drainer); ok {
			b := d.Background()
			if b == nil {
				return nil
			}
			all = append(all, b)
		}
	}
	return all
}

// closeLater drains and closes the body after Close has returned, or closes it
// at once if there is no room for one more. It is false if the stack does not do
// that, or there is nothing to drain.
func (r *Record) closeLater(orig *http.Response, b Budget) bool {
	all := r.pipe.background()
	if all == nil || b.none() || r.hopeless(orig) != "" {
		return false
	}
	for i, bg := range all {
		if !bg.acquire(r) {
			for _, bg := range all[:i] {
				bg.release(r)
			}
			r.closeRest(orig.Body, OutcomeSkipped, &Drain{Skipped: "background_full", Cost: b.Cost}, false)
			return true
		}
	}
	r.body.mu.Lock()
	r.body.background = true
	r.body.mu.Unlock()
	if r.owned() {
		r.detached = r.entry.Detach()
	}
	if r.detachable != nil {
		r.detachable.detach()
	}
	// Whoever keeps the connection knows the exchange next to the transport.
	low := r
	if below := r.ownBelow(); len(below) > 0 {
		low = below[len(below)-1]
	}
	low.conn.Draining(time.Now())
	go func() {
		defer func() {
			for _, bg := range all {
				bg.release(r)
			}
		}()
		out, d, closed := r.drainWithin(b, orig)
		d.Background = true
		r.closeRest(quiet{orig.Body}, out, d, closed)
	}()
	return true
}
