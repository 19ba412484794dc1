package pool

import (
	"container/list"
	"context"
	"sync"
	"time"
)

// queue is a limit on what is in use at once, first come first served. Nobody
// barges past a waiter: a slot that comes free is handed to the first.
type queue struct {
	mu      sync.Mutex
	limit   int // 0: none, only counted
	inUse   int
	waiters list.List // of *waiter, longest first
	dead    bool      // its host was forgotten: find it again
	closed  bool
	moved   time.Time // when a slot last changed hands; only under a limit

	// What happened, for Stats.
	requests uint64
	waits    uint64
	waited   time.Duration
	full     uint64
	timeouts uint64
	leaks    uint64
	suspects uint64
}

type waiter struct {
	ready chan struct{} // closed when the waiter was given its slot, or err
	err   error
}

// limits are what a request brings along to its queues, the same for each.
type limits struct {
	maxWaiting int
	began      time.Time
	timeout    time.Duration // from began
	stalled    func()        // called when no slot has moved for a while
}

// stallStep is how long no slot must have moved before the collector might
// help: bodies that nobody will close may hold all of them.
const stallStep = 200 * time.Millisecond

// acquire takes a slot. Ok is false if the queue is dead. Waited says that
// there was a wait, whatever came of it.
func (q *queue) acquire(ctx context.Context, l limits) (ok, waited bool, err error) {
	q.mu.Lock()
	switch {
	case q.dead:
		q.mu.Unlock()
		return false, false, nil
	case q.closed:
		q.mu.Unlock()
		return true, false, ErrClosed
	case q.limit == 0 || q.inUse < q.limit && q.waiters.Len() == 0:
		q.inUse++
		q.requests++
		q.touch()
		q.mu.Unlock()
		return true, false, nil
	case l.maxWaiting < 0 || l.maxWaiting > 0 && q.waiters.Len() >= l.maxWaiting:
		q.full++
		err := q.refusal(ErrQueueFull, time.Since(l.began))
		stalled := q.stalled()
		q.mu.Unlock()
		if stalled {
			l.stalled()
		}
		return true, false, err
	}
	w := &waiter{ready: make(chan struct{})}
	e := q.waiters.PushBack(w)
	q.mu.Unlock()
	return true, true, q.wait(ctx, w, e, l)
}

func (q *queue) wait(ctx context.Context, w *waiter, e *list.Element, l limits) error {
	began := time.Now()
	var timeout <-chan time.Time
	if l.timeout > 0 {
		t := time.NewTimer(l.timeout - began.Sub(l.began))
		defer t.Stop()
		timeout = t.C
	}
	stall := time.NewTicker(stallStep)
	defer stall.Stop()
	var err error
	for waiting := true; waiting; {
		select {
		case <-w.ready:
			waiting = false
		case <-stall.C:
			q.mu.Lock()
			stalled := q.stalled()
			q.mu.Unlock()
			if stalled {
				l.stalled()
			}
		case <-ctx.Done():
			err, waiting = context.Cause(ctx), false
		case <-timeout:
			err, waiting = ErrWaitTimeout, false
		}
	}
	now := time.Now()
	q.mu.Lock()
	defer q.mu.Unlock()
	q.waits++
	q.waited += now.Sub(began)
	select {
	case <-w.ready:
		switch {
		case w.err != nil:
			return w.err
		case err == nil:
			q.requests++
			return nil
		}
		// Given and given up in the same moment: it goes to the next.
		q.releaseLocked()
	default:
		q.waiters.Remove(e)
	}
	if err != ErrWaitTimeout {
		return err
	}
	q.timeouts++
	return q.refusal(err, now.Sub(l.began))
}

// touch notes that a slot has moved. q.mu is held.
func (q *queue) touch() {
	if q.limit > 0 {
		q.moved = time.Now()
	}
}

// stalled reports whether no slot has moved for a while. q.mu is held.
func (q *queue) stalled() bool { return time.Since(q.moved) >= stallStep }

// refusal describes the queue as it is. q.mu is held.
func (q *queue) refusal(err error, waited time.Duration) *LimitError {
	return &LimitError{Limit: q.limit, InUse: q.inUse, Waiting: q.waiters.Len(), Waited: waited, Err: err}
}

func (q *queue) release() {
	q.mu.Lock()
	q.releaseLocked()
	q.mu.Unlock()
}

// forfeit gives a slot back that no request was sent with.
func (q *queue) forfeit() {
	q.mu.Lock()
	q.requests--
	q.releaseLocked()
	q.mu.Unlock()
}

// releaseLocked hands the slot to the first waiter, if there is one.
func (q *queue) releaseLocked() {
	q.touch()
	e := q.waiters.Front()
	if e == nil {
		q.inUse--
		return
	}
	q.waiters.Remove(e)
	close(e.Value.(*waiter).ready)
}

// close wakes every waiter with ErrClosed, and all that come later.
func (q *queue) close() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.closed = true
	for e := q.waiters.Front(); e != nil; e = q.waiters.Front() {
		q.waiters.Remove(e)
		w := e.Value.(*waiter)
		w.err = ErrClosed
		close(w.ready)
	}
}
