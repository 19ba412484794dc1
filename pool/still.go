package pool

import (
	"context"
	"maps"
	"time"

	"github.com/warmconn/warmconn/internal/record"
)

// stallStep is how long no slot must have moved before the collector might
// help: bodies that nobody will close may hold all of them.
const stallStep = 200 * time.Millisecond

// still is when who waits, or is turned away, has first seen that many moves.
// So a slot that moves needs no clock.
type still struct {
	moves uint64
	since time.Time
}

// watchLine has the queue looked at every stallStep while somebody waits. The
// timer is made anew each time: see flights.alarm. q.mu is held.
func (q *queue) watchLine() {
	switch {
	case q.line.len > 0 && q.look == nil:
		q.look = time.AfterFunc(stallStep, q.lookAtLine)
	case q.line.len == 0 && q.look != nil:
		q.look.Stop()
		q.look = nil
		q.lent.overdue = 0
	}
}

func (q *queue) lookAtLine() {
	q.mu.Lock()
	stalled, since := false, time.Time{}
	var holders map[*record.Record]context.Context
	if q.look != nil {
		stalled, since = q.isStill(time.Now()), q.still.since
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

// deadlockAfter is how long no slot must have moved before a request that has no
// deadline is refused. It is long: a middleware may hold requests back on purpose.
const deadlockAfter = 10 * time.Minute

// breakDeadlock refuses one request that has no deadline, if those that have a slot
// have sent nothing for long: one of them may wait for it, on another goroutine and
// without a context that shows it. Those on the wire are no such case, however long
// they take.
func (q *queue) breakDeadlock() {
	now := time.Now()
	q.mu.Lock()
	long := now.Sub(q.still.since) >= deadlockAfter
	q.mu.Unlock()
	if !long {
		return
	}
	calling := q.calling(q.host) // under no lock: that of the connections goes before the queue's
	q.mu.Lock()
	defer q.mu.Unlock()
	if !q.isStill(now) || now.Sub(q.still.since) < deadlockAfter || len(q.lent.holders)+calling < q.busy() {
		return
	}
	if w := q.line.unbounded(deadlockAfter, now); w != nil {
		q.n.WaitTimeouts++
		q.refuse(w, ErrDeadlock, now)
		q.watchLine()
	}
}

// isStill reports whether no slot has moved for a while. q.mu is held.
func (q *queue) isStill(now time.Time) bool {
	if q.still.moves != q.moves || q.still.since.IsZero() {
		q.still = still{moves: q.moves, since: now}
	}
	return now.Sub(q.still.since) >= stallStep
}
