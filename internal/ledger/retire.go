package ledger

import (
	"github.com/warmconn/warmconn/internal/loss"

	"sync/atomic"
	"time"
)

// A connection that lies idle may be given to a request at any moment, and
// whoever closes it in that moment fails the request: over HTTP/1 a POST whose
// body can't be rewound is not tried again. Closing by what PutIdleConn and
// GotConn have said alone failed 74 requests of 32,000. So a connection is
// retired only when no request can be about to have it, and until net/http has
// closed it, and so gives it to nobody, new ones wait. That takes some
// microseconds.

const (
	// quietMost is how long a host is held to come to a moment in which a
	// connection of it can be retired.
	quietMost = 5 * time.Millisecond
	// closeStep is how long net/http may take to notice that its read has
	// failed, before the connection is closed under it; then it gets as long
	// again. Requests wait no longer, whatever comes.
	closeStep = 100 * time.Millisecond
)

// barrier holds the requests of a host back while connections are retired.
type barrier struct {
	up     atomic.Bool
	opened chan struct{} // closed when it goes down
	nudge  chan struct{} // buffered, one: something has moved
	left   int           // connections that net/http has not closed yet
}

// raise holds new requests back; false if it is up already. h.mu is held.
func (h *Host) raise() bool {
	if h.barrier.up.Load() {
		return false
	}
	h.barrier.opened = make(chan struct{})
	h.barrier.nudge = make(chan struct{}, 1)
	h.barrier.left = 0
	h.barrier.up.Store(true)
	return true
}

// lower lets them go. h.mu is held.
func (h *Host) lower() {
	h.barrier.up.Store(false)
	close(h.barrier.opened)
}

// stirred tells whoever has raised the barrier to look again. h.mu is held.
func (h *Host) stirred() {
	if h.barrier.up.Load() {
		select {
		case h.barrier.nudge <- struct{}{}:
		default:
		}
	}
}

// pass waits for the barrier to go down, or for the end of the exchange's
// context. h.mu is held, and given up meanwhile.
func (h *Host) pass(u *Use) {
	for h.barrier.up.Load() {
		opened := h.barrier.opened
		h.mu.Unlock()
		var done <-chan struct{}
		if u.Of != nil {
			done = u.Of.Done()
		}
		select {
		case <-opened:
			h.mu.Lock()
		case <-done:
			h.mu.Lock()
			return
		}
	}
}

// await waits until ok, for d at most, and reports whether it was. The barrier
// is up. h.mu is held, and given up meanwhile.
func (h *Host) await(d time.Duration, ok func() bool) bool {
	if ok() {
		return true
	}
	t := time.NewTimer(d)
	defer t.Stop()
	for {
		h.mu.Unlock()
		late := false
		select {
		case <-h.barrier.nudge:
		case <-t.C:
			late = true
		}
		h.mu.Lock()
		if ok() {
			return true
		}
		if late {
			return false
		}
	}
}

// wanted reports whether a request may be about to have c, which lies idle. It
// holds for as long as the barrier is up. h.mu is held.
func (h *Host) wanted(c *Conn) bool {
	if c.shared || h.muxed {
		// Over HTTP/2 net/http chooses first, and asks then.
		return h.inflight > 0 || h.uploads > 0
	}
	waiting := 0
	for _, u := range h.wanting {
		if !u.asking {
			continue
		}
		waiting++
		// It dials, so it found nothing when it asked. What went idle after that
		// was handed to it if it fits. Of two dials it can't be told which one
		// waits here.
		if u.again || u.ask.seq < c.idleSeq && u.addr == c.addr {
			return true
		}
	}
	return h.askers > waiting // the others have found something, or are about to dial
}

// retire has net/http close the idle connections that pick returns, with the
// reason for each, if no request can be about to have one of them. Pick is called
// under h.mu, which is held, and given up meanwhile. Retire reports whether it
// has closed any.
func (h *Host) retire(pick func() []*Conn, why func(*Conn) Reason) bool {
	if !h.raise() {
		return false
	}
	defer h.lower()
	var due []*Conn
	h.await(quietMost, func() bool {
		due = due[:0]
		all := pick()
		for _, c := range all {
			if !h.wanted(c) {
				due = append(due, c)
			}
		}
		return len(due) == len(all)
	})
	if len(due) == 0 {
		return false
	}
	now := time.Now()
	for _, c := range due {
		c.loss = &loss.Loss{At: now, Reason: why(c)}
		h.losses.Add(c.loss)
		h.become(c, closing)
		c.retiring = true
	}
	h.barrier.left = len(due)
	h.mu.Unlock()
	for _, c := range due {
		c.end.Expire()
	}
	h.mu.Lock()
	closed := func() bool { return h.barrier.left == 0 }
	if h.await(closeStep, closed) {
		return true
	}
	h.mu.Unlock()
	for _, c := range due {
		c.end.Cut()
	}
	h.mu.Lock()
	h.await(closeStep, closed)
	for _, c := range due {
		c.retiring = false
	}
	return true
}

// Ender ends a watched connection in net/http's back.
type Ender interface {
	// Expire makes the Read that waits on it fail, so that its owner closes it.
	Expire()
	// Cut closes it.
	Cut()
	// Abort breaks its handshake off if that waits to read; then it fails,
	// whatever comes.
	Abort()
}
