package pool

import (
	"container/list"
	"time"
)

// waitlist holds the requests that wait in a queue. Within a flow it is first come, first served;
// flow take turns, so that a host with a thousand waiters delays the one of
// another host by a single request.
type waitlist struct {
	turns list.List // of flows that have waiters, the next one first
	len   int
}

// flow is the waiters of one host in one queue. The queue's lock guards it.
type flow struct {
	waiters list.List // of *waiter, longest first
	turn    *list.Element
	shedder shedder
}

type waiter struct {
	ready   chan struct{} // closed when the waiter was given its slot, or err
	err     error
	began   time.Time
	bounded bool // its wait ends by itself: it has a deadline
	lane    *flow
	place   *list.Element
}

func (l *waitlist) push(in *flow, now time.Time) *waiter {
	w := &waiter{ready: make(chan struct{}), began: now, lane: in}
	w.place = in.waiters.PushBack(w)
	if in.turn == nil {
		in.shedder.wasEmpty(now)
		in.turn = l.turns.PushBack(in)
	}
	l.len++
	return w
}

// first is the waiter whose turn it is, or nil.
func (l *waitlist) first() *waiter {
	e := l.turns.Front()
	if e == nil {
		return nil
	}
	return e.Value.(*flow).waiters.Front().Value.(*waiter)
}

// unbounded is the first that has waited for so long and has no deadline, or nil.
func (l *waitlist) unbounded(least time.Duration, now time.Time) *waiter {
	for e := l.turns.Front(); e != nil; e = e.Next() {
		for x := e.Value.(*flow).waiters.Front(); x != nil; x = x.Next() {
			if w := x.Value.(*waiter); !w.bounded && now.Sub(w.began) >= least {
				return w
			}
		}
	}
	return nil
}

// served takes w out, and it is the next flow's turn.
func (l *waitlist) served(w *waiter) {
	l.remove(w)
	if w.lane.turn != nil {
		l.turns.MoveToBack(w.lane.turn)
	}
}

func (l *waitlist) remove(w *waiter) {
	in := w.lane
	in.waiters.Remove(w.place)
	l.len--
	if in.waiters.Len() == 0 {
		l.turns.Remove(in.turn)
		in.turn = nil
	}
}

// ahead is how many of the requests that wait now come before one more in that flow.
func (l *waitlist) ahead(in *flow) int {
	own := in.waiters.Len()
	n := own
	most := own + 1 // turns of another flow until then
	for e := l.turns.Front(); e != nil; e = e.Next() {
		if e.Value.(*flow) == in {
			most = own // its turn comes after this flow's
			continue
		}
		n += min(e.Value.(*flow).waiters.Len(), most)
	}
	return n
}
