package pool

import (
	"container/list"
	"time"
)

// waitlist holds the requests that wait in a queue. Within a flow it is first come, first
// served. Flows take turns, so that a host with a thousand waiters delays another host's
// waiter by a single request.
type waitlist struct {
	turns list.List // the flows that have waiters, the next one first
	len   int
}

// flow holds the waiters of one host in one queue. The queue's lock guards it.
type flow struct {
	waiters list.List // of *waiter, the first to be served first
	turn    *list.Element
	shedder shedder
}

type waiter struct {
	ready   chan struct{} // closed once the waiter has its slot, or err is set
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

// first returns the waiter whose turn it is, or nil.
func (l *waitlist) first() *waiter {
	e := l.turns.Front()
	if e == nil {
		return nil
	}
	return e.Value.(*flow).waiters.Front().Value.(*waiter)
}

// unbounded returns the first waiter without a deadline that has waited for least or longer,
// or nil.
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

// served removes w, and gives the turn to the next flow.
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

// ahead returns how many of the requests that wait now would be served before a new one in
// the given flow.
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
