package record

import (
	"net/http"
	"sync"
)

// Background bounds the drains that go on after Close has returned. The zero
// value runs none. Its goroutines end with their drains, each within its budget.
type Background struct {
	Max int // at a time

	mu      sync.Mutex
	running map[*Record]struct{}
	closed  bool
}

// start runs f, which ends within the budget of r's drain, on a goroutine of its
// own. It is false if there is no room.
func (b *Background) start(r *Record, f func()) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closed || len(b.running) >= b.Max {
		return false
	}
	if b.running == nil {
		b.running = make(map[*Record]struct{})
	}
	b.running[r] = struct{}{}
	go func() {
		defer func() {
			b.mu.Lock()
			delete(b.running, r)
			b.mu.Unlock()
		}()
		f()
	}()
	return true
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
	r.broken.Store(true)
	r.cancel()
}

// background is where the stack's drains may go on; nil if Close has to wait
// for one of them.
func (l *line) background() *Background {
	var b *Background
	for _, p := range l.parts {
		if d, ok := p.(Drainer); ok {
			if b = d.Background(); b == nil {
				return nil
			}
		}
	}
	return b
}

// closeLater drains and closes the body after Close has returned, or closes it
// at once if there is no room for one more. It is false if the stack does not do
// that, or there is nothing to drain.
func (r *Record) closeLater(orig *http.Response, b Budget) bool {
	bg := r.line.background()
	if bg == nil || b.none() || r.hopeless(orig) != "" {
		return false
	}
	r.body.mu.Lock()
	r.body.later = true
	r.body.mu.Unlock()
	done := r.line.ledger.Draining(&r.use, b.Cost, r.breakOff)
	if !bg.start(r, func() {
		defer done()
		out, d, closed := r.drainWithin(b, orig)
		d.background = true
		r.closeRest(orig, out, d, closed)
	}) {
		done()
		r.closeRest(orig, OutcomeSkipped, drained{skipped: "background_full", cost: b.Cost}, false)
	}
	return true
}
