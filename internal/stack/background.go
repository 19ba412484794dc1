package stack

import (
	"net/http"
	"time"

	"github.com/warmconn/warmconn/internal/lockorder"
)

// Background runs the drains that go on after Close has returned, and bounds their number.
// The zero value runs none. Its goroutines end with their drains, each within its budget.
type Background struct {
	Max int // at a time

	mu      lockorder.Mutex[lockorder.Background]
	running map[*Exchange]struct{}
	closed  bool
}

// acquire makes room for the drain of x, if there is any.
func (b *Background) acquire(x *Exchange) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closed || len(b.running) >= b.Max {
		return false
	}
	if b.running == nil {
		b.running = make(map[*Exchange]struct{})
	}
	b.running[x] = struct{}{}
	return true
}

func (b *Background) release(x *Exchange) {
	b.mu.Lock()
	defer b.mu.Unlock()
	delete(b.running, x)
}

// Close breaks off the running drains, without waiting for them, and lets no more begin.
func (b *Background) Close() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.closed = true
	for r := range b.running {
		r.breakOff()
	}
}

// breakOff ends a drain in the background before its time.
func (x *Exchange) breakOff() {
	x.body.mu.Lock()
	if x.body.phase == bodyBackground {
		x.moveLocked(bodyBrokenOff)
	}
	x.body.mu.Unlock()
	x.cancel()
}

func (x *Exchange) wasBrokenOff() bool {
	if x.down.owned && x.pipe.owned.Over() {
		return true // its connection was closed with the pool
	}
	x.body.mu.Lock()
	defer x.body.mu.Unlock()
	return x.body.phase == bodyBrokenOff
}

// closeLater drains and closes the body after Close has returned, or closes it at once if
// there is no room for one more drain. It returns false if there is nothing to drain.
func (x *Exchange) closeLater(orig *http.Response, b Budget) bool {
	if b.none() || x.hopeless(orig) != "" {
		return false
	}
	all := x.pipe.background()
	x.body.mu.Lock()
	x.moveLocked(bodyBackground) // before it may be broken off
	x.body.mu.Unlock()
	for i, bg := range all {
		if !bg.acquire(x) {
			for _, bg := range all[:i] {
				bg.release(x)
			}
			x.closeRest(orig.Body, OutcomeSkipped, &Drain{Skipped: "background_full", Cost: b.Cost}, false)
			return true
		}
	}
	if x.down.owned {
		x.down.detached = x.entry.Detach()
	}
	if x.down.detachable != nil {
		x.down.detachable.detach()
	}
	// The lowest exchange is the one that the connection's books know.
	low := x
	if below := x.ownBelow(); len(below) > 0 {
		low = below[len(below)-1]
	}
	low.conn.Draining(time.Now())
	go func() {
		defer func() {
			for _, bg := range all {
				bg.release(x)
			}
		}()
		out, d, closed := x.drainWithin(b, orig)
		d.Background = true
		x.closeRest(quiet{orig.Body}, out, d, closed)
	}()
	return true
}
