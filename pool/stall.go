package pool

import (
	"context"
	"maps"
	"time"

	"github.com/warmconn/warmconn/internal/stack"
)

// stallStep is how long no slot must have moved before the collector is run: leaked bodies
// may hold all of them.
const stallStep = 200 * time.Millisecond

// stall remembers when a request that waits, or is refused, has first seen the current value
// of queue.moves. If that has not changed after stallStep, no slot has moved. So only such
// requests read the clock, and a slot that moves does not.
type stall struct {
	moves uint64
	since time.Time
	// stuck is the time since which each look has found no request on the wire, and looked
	// the time of the last look. Both are zero before deadlockAfter.
	stuck, looked time.Time
}

// armStallLocked has lookForStall run every stallStep while a request waits. The timer is
// made anew each time: see inFlightList.alarm.
func (q *queue) armStallLocked() {
	switch {
	case q.line.len > 0 && q.look == nil:
		q.look = time.AfterFunc(stallStep, q.lookForStall)
	case q.line.len == 0 && q.look != nil:
		q.look.Stop()
		q.look = nil
		q.lent.overdue = 0
	}
}

func (q *queue) lookForStall() {
	q.mu.Lock()
	stalled, since := false, time.Time{}
	var holders map[*stack.Exchange]context.Context
	if q.look != nil {
		stalled, since = q.isStalledLocked(time.Now()), q.still.since
		q.look.Reset(stallStep)
		if stalled || q.lent.overdue > 0 {
			holders = maps.Clone(q.lent.holders)
		}
	}
	q.mu.Unlock()
	if len(holders) > 0 {
		q.lendOverdue(holders)
	}
	if stalled {
		q.breakDeadlock()
		q.stalled(since)
	}
}

// Requests with a slot may wait for requests without one. If no slot has moved for
// deadlockAfter, the queue looks for that every deadlockLook, and acts if each look has found
// it for deadlockFor. The times are long because a middleware may hold requests back on
// purpose.
const (
	deadlockAfter = 5 * time.Minute
	deadlockFor   = 5 * time.Minute
	deadlockLook  = 10 * time.Second
)

// breakDeadlock refuses one request that has no deadline, if all requests with a slot have
// been in middlewares, dialers or Proxy functions for long: one of these may wait for the
// request, on another goroutine and without a context that shows it. Requests that are on
// the wire, over a transport that the Pool owns, are no such case, however long they take.
// A dial for a request without a slot can't be told from one for a request with a slot; that
// may deceive one look, and hardly all of them.
func (q *queue) breakDeadlock() {
	now := time.Now()
	q.mu.Lock()
	due := now.Sub(q.still.since) >= deadlockAfter && now.Sub(q.still.looked) >= deadlockLook
	q.mu.Unlock()
	if !due {
		return
	}
	calling := q.calling(q.host) // with no lock held: the connections' comes before the queue's
	q.mu.Lock()
	defer q.mu.Unlock()
	if !q.isStalledLocked(now) {
		return
	}
	s := &q.still
	s.looked = now
	switch {
	case q.inUse-q.lent.over-len(q.lent.holders)-calling > 0:
		s.stuck = time.Time{}
	case s.stuck.IsZero():
		s.stuck = now
	case now.Sub(s.stuck) >= deadlockFor:
		if w := q.line.unbounded(deadlockAfter+deadlockFor, now); w != nil {
			q.n.WaitTimeouts++
			q.refuseLocked(w, ErrDeadlock, now)
			q.armStallLocked()
		}
	}
}

// isStalledLocked reports whether no slot has moved for a while.
func (q *queue) isStalledLocked(now time.Time) bool {
	if q.still.moves != q.moves || q.still.since.IsZero() {
		q.still = stall{moves: q.moves, since: now}
	}
	return now.Sub(q.still.since) >= stallStep
}
