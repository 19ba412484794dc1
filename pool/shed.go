package pool

import "time"

// shedding says when a flow is overloaded. The zero value says never.
type shedding struct {
	target   time.Duration
	interval time.Duration
}

// codelInterval is CoDel's interval, 100 ms, in units of its target, 5 ms.
const codelInterval = 20

func sheddingOf(target, interval time.Duration) shedding {
	if target <= 0 {
		return shedding{}
	}
	if interval <= 0 {
		interval = codelInterval * target
	}
	return shedding{target: target, interval: interval}
}

// shedder is CoDel as folly has it: it tells a queue that stands from one that
// a burst has left, by the smallest wait within an interval. The zero value is
// that of a flow in which no request waited.
type shedder struct {
	until      time.Time     // of the interval; zero: none has begun
	least      time.Duration // wait in it
	overloaded bool
}

// sheds reports whether a waiter that is first and has waited that long is
// refused. Alone, it is not: no other request would use its slot.
func (s *shedder) sheds(o shedding, now time.Time, waited time.Duration, alone bool) bool {
	if s.until.IsZero() || !now.Before(s.until) {
		s.overloaded = !s.until.IsZero() && s.least > o.target
		s.until = now.Add(o.interval)
		s.least = waited
	}
	s.least = min(s.least, waited)
	return s.overloaded && !alone && waited > 2*o.target
}

// wasEmpty forgets an interval that has ended in a flow in which no request waited.
// A moment without a waiter within one does not end an overload.
func (s *shedder) wasEmpty(now time.Time) {
	if !now.Before(s.until) {
		*s = shedder{}
	}
}
