package pool

import (
	"context"
	"maps"
	"time"

	"github.com/warmconn/warmconn/internal/stack"
)

// stallStep is how long no slot must have moved before the collector might
// help: bodies that no code will close may hold all of them.
const stallStep = 200 * time.Millisecond

// stall is when a request that waits, or is turned away, has first seen that many moves.
// So a slot that moves needs no clock.
type stall struct {
	moves uint64
	since time.Time
	// stuck is since when each look has found that nothing is on the wire, looked when
	// the last was. Both are zero before deadlockAfter.
	stuck, looked time.Time
}

// armStallLocked has the queue looked at every stallStep while a request waits. The timer
// is made anew each time: see inFlightList.alarm.
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

// deadlockAfter is how long no slot must have moved before it is asked whether requests that
// have one wait for requests that have none, deadlockFor how long the answer must be yes, and
// deadlockLook how often it is asked. They are long: a middleware may hold requests back
// on purpose.
const (
	deadlockAfter = 5 * time.Minute
	deadlockFor   = 5 * time.Minute
	deadlockLook  = 10 * time.Second
)

// breakDeadlock refuses one request that has no deadline, if those that have a slot
// have been in the hands of middlewares, dialers or Proxy functions for long: one of
// these may wait for it, on another goroutine and without a context that shows it.
// Over a transport that the Pool owns, those on the wire are no such case, however long
// they take. A dial for a request that has no slot may pass for one of theirs at one
// look, and hardly at all of them.
func (q *queue) breakDeadlock() {
	now := time.Now()
	q.mu.Lock()
	due := now.Sub(q.still.since) >= deadlockAfter && now.Sub(q.still.looked) >= deadlockLook
	q.mu.Unlock()
	if !due {
		return
	}
	calling := q.calling(q.host) // under no lock: that of the connections goes before the queue's
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
