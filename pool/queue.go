package pool

import (
	"context"
	"time"

	"github.com/warmconn/warmconn/internal/lockorder"
	"github.com/warmconn/warmconn/internal/stack"
)

// queue is a limit on slots in use at once, first come first served within a flow. No new
// request overtakes a waiter: a slot that comes free is handed to the next waiter.
type queue struct {
	rules

	mu        lockorder.Mutex[lockorder.Queue]
	inUse     int
	line      waitlist
	forgotten uint64 // its host's number in past, and must be looked up again; 0: not forgotten
	closed    bool   // the Pool is closed
	moves     uint64 // how often a slot was taken or given back
	still     stall
	holds     meter       // only if rules.predict
	look      *time.Timer // nil if no request waits
	lent      lent
	unplaced  uint8 // how many stacks are to be taken after a loss that has no place

	n   Counters // for Stats
	new reasons  // as HostStats.New
}

// acquire takes a slot, or waits for one in the given flow. Ok is false if the queue is a
// forgotten host's.
func (q *queue) acquire(ctx context.Context, in *flow, v *acquisition) (ok bool, err error) {
	q.mu.Lock()
	for asked, inside, calling := false, false, 0; ; {
		switch {
		case q.forgotten > 0:
			q.mu.Unlock()
			return false, nil
		case q.closed:
			q.mu.Unlock()
			return true, ErrClosed
		case q.limit == 0 || q.line.len == 0 && !q.fullLocked():
			if q.shedding.target > 0 {
				in.shedder = shedder{} // a slot was unused
			}
			q.takeLocked(v)
			q.mu.Unlock()
			return true, nil
		case !asked:
			asked = true
			held := len(q.lent.holders) > 0
			q.mu.Unlock()
			inside, calling = q.inside(held)
			q.mu.Lock()
			continue
		case inside && q.inUse-q.lent.over-len(q.lent.holders)-calling < q.limit:
			q.takeLocked(v)
			q.mu.Unlock()
			return true, nil
		}
		break
	}
	now := time.Now()
	if err := q.refuseNowLocked(ctx, in, v, now); err != nil {
		stalled, since := q.isStalledLocked(now), q.still.since
		q.mu.Unlock()
		if stalled {
			q.stalled(since)
		}
		return true, err
	}
	w := q.line.push(in, now)
	_, w.bounded = ctx.Deadline()
	w.bounded = w.bounded || v.timeout > 0
	q.isStalledLocked(now) // if the slots have stalled, they count as stalled from now on
	q.armStallLocked()
	q.mu.Unlock()
	return true, q.wait(ctx, w, v)
}

// busyLocked is how many slots are in use by requests that still need them.
func (q *queue) busyLocked() int { return q.inUse - q.lent.over - q.lent.overdue }

// fullLocked reports whether one more must wait.
func (q *queue) fullLocked() bool { return q.busyLocked() >= q.limit }

// takeLocked gives a slot to a request that has not waited.
func (q *queue) takeLocked(v *acquisition) {
	if q.predict {
		q.holds.pass(time.Now(), q.busyLocked(), q.limit)
	}
	q.inUse++
	q.moves++
	if q.last {
		v.stack = q.sentLocked()
	}
}

// refuseNowLocked returns the error of a request that is refused without a wait; nil if it
// may wait.
func (q *queue) refuseNowLocked(ctx context.Context, in *flow, v *acquisition, now time.Time) error {
	if q.maxWaiting < 0 || q.maxWaiting > 0 && q.line.len >= q.maxWaiting {
		q.n.QueueFull++
		return q.refusalLocked(ErrQueueFull, v)
	}
	if !q.predict {
		return nil
	}
	can, bounded := left(ctx, v, now)
	if !bounded || can <= 0 { // nothing bounds the wait, or it ends at once
		return nil
	}
	q.holds.pass(now, q.busyLocked(), q.limit)
	must := q.holds.wait(q.limit, q.line.ahead(in))
	if must <= can {
		return nil
	}
	q.n.Hopeless++
	err := q.refusalLocked(ErrWaitTimeout, v)
	err.Predicted = must
	return err
}

func (q *queue) wait(ctx context.Context, w *waiter, v *acquisition) error {
	var timeout <-chan time.Time
	if v.timeout > 0 {
		t := time.NewTimer(v.timeout - v.waited)
		defer t.Stop()
		timeout = t.C
	}
	var err error
	select {
	case <-w.ready:
	case <-ctx.Done():
		err = context.Cause(ctx)
	case <-v.cancel:
		if err = errRequestCanceled; ctx.Err() != nil {
			err = context.Cause(ctx) // http.Client's Timeout ends both
		}
	case <-timeout:
		err = ErrWaitTimeout
	}
	now := time.Now()
	v.waited += now.Sub(w.began)
	q.mu.Lock()
	defer q.mu.Unlock()
	switch {
	case w.err == ErrShed, w.err == ErrDeadlock:
		return q.refusalLocked(w.err, v)
	case w.err != nil:
		return w.err
	}
	q.waitedLocked(w, now)
	select {
	case <-w.ready:
		if err == nil {
			if q.last {
				v.stack = q.sentLocked()
			}
			return nil
		}
		q.passOnLocked() // the slot came as the waiter gave up: it goes to the next one
	default:
		q.line.remove(w)
		q.armStallLocked()
	}
	if err == ErrWaitTimeout {
		q.n.WaitTimeouts++
		return q.refusalLocked(err, v)
	}
	q.n.WaitsCanceled++
	return err
}

// sentLocked counts a request that has all of its slots, and reports whether its stack is to
// be taken.
func (q *queue) sentLocked() (stack bool) {
	q.n.Requests++
	return q.takesStackLocked()
}

// waitedLocked counts a wait that has ended.
func (q *queue) waitedLocked(w *waiter, now time.Time) {
	q.n.Waits++
	q.n.WaitTime += now.Sub(w.began)
}

// refuseLocked takes w off the waitlist with err, and counts its wait here: when its
// goroutine runs, the queue may be a forgotten host's.
func (q *queue) refuseLocked(w *waiter, err error, now time.Time) {
	q.line.remove(w)
	q.waitedLocked(w, now)
	w.err = err
	close(w.ready)
}

// refusalLocked returns a LimitError with the queue's figures of now.
func (q *queue) refusalLocked(err error, v *acquisition) *LimitError {
	return &LimitError{Host: q.host, Limit: q.limit, InUse: q.inUse, Waiting: q.line.len, Waited: v.waited, Err: err}
}

// release gives a slot back. F, if not nil, are its exchange's facts, to be counted here.
func (q *queue) release(f *stack.Facts) {
	q.mu.Lock()
	q.passOnLocked()
	if f != nil {
		q.n.ended(f)
	}
	q.mu.Unlock()
}

// passOnLocked takes a slot that came free, and gives it to the first waiter that is not
// shed, if there is one.
func (q *queue) passOnLocked() {
	q.moves++
	if q.line.len == 0 && !q.predict && q.look == nil {
		q.inUse--
		return
	}
	var now time.Time
	if q.predict {
		now = time.Now()
		q.holds.pass(now, q.busyLocked(), q.limit)
		q.holds.end(q.busyLocked(), q.limit)
	}
	q.inUse--
	q.serveLocked(now)
}

// serveLocked gives the free slots to requests that wait. Now may be zero: then the clock is
// read if needed.
func (q *queue) serveLocked(now time.Time) {
	defer q.armStallLocked()
	for w := q.line.first(); w != nil && !q.fullLocked(); w = q.line.first() {
		if q.shedding.target > 0 {
			if now.IsZero() {
				now = time.Now()
			}
			if q.shedsLocked(w, now) {
				q.n.Shed++
				q.refuseLocked(w, ErrShed, now)
				continue
			}
		}
		q.line.served(w)
		q.inUse++
		q.moves++
		close(w.ready)
	}
}

// shedsLocked reports whether w, the next waiter, is shed.
func (q *queue) shedsLocked(w *waiter, now time.Time) bool {
	return w.lane.shedder.sheds(q.shedding, now, now.Sub(w.began), w.lane.waiters.Len() == 1)
}

// close refuses all waiters and all later requests with ErrClosed.
func (q *queue) close() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.closed = true
	now := time.Now()
	for w := q.line.first(); w != nil; w = q.line.first() {
		q.refuseLocked(w, ErrClosed, now)
	}
	q.armStallLocked()
}
