package pool

import (
	"context"
	"sync/atomic"
)

// Shutdown is Close, and waits: from now on requests are refused with ErrClosed, and so are the waiters
// in a queue; idle connections are closed at once, and those in use when the
// bodies of their exchanges have ended; dials whose requests have ended are broken off. It
// returns nil when no request is in flight and no connection is open.
//
// When ctx ends before that it returns ctx's error, and the rest is as after Close: the
// requests in flight go on to their end, and then their connections are closed. A body that the
// program has never closed, and that the collector has not found, keeps Shutdown until
// then. A request that has its slot and waits for its connection is in flight: it is served.
//
// Over a base whose connections the Pool does not own (see the package doc) it waits for
// the requests in flight, and no more; so it does for a connection that has gone on in
// another protocol, which is the program's own, and for those of a transport from
// Transport that others use directly. The idle connections of a client that the collector
// has taken are closed by that, perhaps a moment later.
//
// The last of a request that Shutdown waits for is its slot and its connection: a span, or
// an observer, may be told of the end a moment later, on the goroutine that ends the body.
//
// Shutdown may be called more than once, by several goroutines, and Close meanwhile.
func (p *Pool) Shutdown(ctx context.Context) error {
	p.Close()
	for {
		ended := p.ends.next() // before the look, which it would be too late for
		if p.quiet() {
			return nil
		}
		select {
		case <-ended:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// quiet reports whether nothing is left of a Pool that was closed. The requests come first:
// without one in flight there are no new connections.
func (p *Pool) quiet() bool {
	if p.slotless.Load() > 0 {
		return false
	}
	busy := false
	p.each(func(h *host) {
		h.queue.mu.Lock()
		busy = busy || h.queue.inUse > 0
		h.queue.mu.Unlock()
	})
	return !busy && p.bases.left() == 0
}

// beginSlotless and endSlotless count an exchange without a slot: one that is exempt, or whose
// slot is taken further down. It is counted before it is asked whether the Pool is closed,
// or Shutdown might count before it and not be seen.
func (p *Pool) beginSlotless() error {
	p.slotless.Add(1)
	if p.closed.Load() {
		p.endSlotless()
		return ErrClosed
	}
	return nil
}

func (p *Pool) endSlotless() {
	p.slotless.Add(-1)
	p.ends.ring()
}

// left is how many connections of the shared transports are left.
func (b *transports) left() (n int) {
	for _, c := range b.live() {
		if c.conns != nil {
			n += c.conns.Left()
		}
	}
	return n
}

// bell wakes goroutines that wait for the end of something. It is no lock, for it is rung under
// many, and costs a load where none waits. Its zero value is ready.
type bell struct{ waiting atomic.Pointer[chan struct{}] }

// next is closed when it is rung next.
func (b *bell) next() <-chan struct{} {
	made := make(chan struct{})
	for {
		if c := b.waiting.Load(); c != nil {
			return *c
		}
		if b.waiting.CompareAndSwap(nil, &made) {
			return made
		}
	}
}

func (b *bell) ring() {
	if b.waiting.Load() == nil {
		return
	}
	if c := b.waiting.Swap(nil); c != nil {
		close(*c)
	}
}
