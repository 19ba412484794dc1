package pool

import (
	"container/list"
	"time"
)

// line is who waits in a queue. Within a lane it is first come, first served;
// lanes take turns, so that a host with a thousand waiters delays the one of
// another host by a single request.
type line struct {
	turns list.List // of *lane that have waiters, the next one first
	len   int
}

// lane is the waiters of one host in one queue. The queue's lock guards it.
type lane struct {
	waiters list.List // of *waiter, longest first
	turn    *list.Element
	shedder shedder
}

type waiter struct {
	ready   chan struct{} // closed when the waiter was given its slot, or err
	err     error
	began   time.Time
	bounded bool // its wait ends by itself: it has a deadline
	lane    *lane
	place   *list.Element
}

func (l *line) push(in *lane, now time.Time) *waiter {
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
func (l *line) first() *waiter {
	e := l.turns.Front()
	if e == nil {
		return nil
	}
	return e.Value.(*lane).waiters.Front().Value.(*waiter)
}

// unbounded is the first that has waited for so long and has no deadline, or nil.
func (l *line) unbounded(least time.Duration, now time.Time) *waiter {
	for e := l.turns.Front(); e != nil; e = e.Next() {
		for x := e.Value.(*lane).waiters.Front(); x != nil; x = x.Next() {
			if w := x.Value.(*waiter); !w.bounded && now.Sub(w.began) >= least {
				return w
			}
		}
	}
	return nil
}

// served takes w out, and it is the next lane's turn.
func (l *line) served(w *waiter) {
	l.remove(w)
	if w.lane.turn != nil {
		l.turns.MoveToBack(w.lane.turn)
	}
}

func (l *line) remove(w *waiter) {
	in := w.lane
	in.waiters.Remove(w.place)
	l.len--
	if in.waiters.Len() == 0 {
		l.turns.Remove(in.turn)
		in.turn = nil
	}
}

// ahead is how many of those who wait now come before one more in that lane.
func (l *line) ahead(in *lane) int {
	own := in.waiters.Len()
	n := own
	most := own + 1 // turns of another lane until then
	for e := l.turns.Front(); e != nil; e = e.Next() {
		if e.Value.(*lane) == in {
			most = own // its turn comes after this lane's
			continue
		}
		n += min(e.Value.(*lane).waiters.Len(), most)
	}
	return n
}
