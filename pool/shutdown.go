package pool

import (
	"context"
	"sync/atomic"
)

// Shutdown is Close, and waits. From now on
//
//   - requests are refused with ErrClosed, the ones that wait in a queue as well;
//   - idle connections are closed at once, and the others when the bodies of their
//     exchanges have ended;
//   - dials whose requests have ended are broken off.
//
// It returns nil when no request is in flight and no connection is open. A request that has
// its slot and waits for its connection is in flight: it is served. A body that the program
// never closes is in flight until the collector has found it.
//
// When ctx ends before that, Shutdown returns ctx's error, and the rest is as after Close:
// the requests in flight go on to their end, and then their connections are closed.
//
// Shutdown waits for requests in flight, but not for the end of these connections:
//
//   - of a base that the Pool does not own (see the package doc);
//   - after a 101, for then the connection is the program's own;
//   - of a transport from Transport that the program uses directly;
//   - idle ones of a client that the collector has taken. They are closed, perhaps a moment
//     later.
//
// It waits for a request's slot and connection, not for spans and observers: these may hear
// of the end a moment later, on the goroutine that ends the body.
//
// Shutdown may be called more than once, by several goroutines, and Close meanwhile.
func (p *Pool) Shutdown(ctx context.Context) error {
	p.Close()
	for {
		ended := p.ends.next() // taken before the look: an end after the look rings it
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

// quiet reports whether a closed Pool has neither a request in flight nor a connection. It
// looks at the requests first: without one there are no new connections.
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

// beginSlotless and endSlotless count the exchanges without a slot: exempt ones, and ones
// whose slot is taken further down. An exchange is counted first, and looks second whether
// the Pool is closed. In the other order Shutdown could close the Pool and count between
// the two, and miss it.
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

// left returns how many connections the shared transports still have.
func (b *transports) left() (n int) {
	for _, c := range b.live() {
		if c.conns != nil {
			n += c.conns.Left()
		}
	}
	return n
}

// bell wakes the goroutines that wait for an exchange or a connection to end. It takes no
// lock, because it is rung with many of them held, and costs one load if no goroutine waits.
// Its zero value is ready.
type bell struct{ waiting atomic.Pointer[chan struct{}] }

// next returns a channel that is closed when the bell is rung next.
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
