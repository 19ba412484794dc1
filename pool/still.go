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
	stalled := false
	var holders map[*record.Record]context.Context
	if q.look != nil {
		stalled = q.isStill(time.Now())
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
		q.stalled()
	}
}

// isStill reports whether no slot has moved for a while. q.mu is held.
func (q *queue) isStill(now time.Time) bool {
	if q.still.moves != q.moves || q.still.since.IsZero() {
		q.still = still{moves: q.moves, since: now}
	}
	return now.Sub(q.still.since) >= stallStep
}
