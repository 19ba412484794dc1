package pool

import "time"

// shedding tells when a flow is overloaded. The zero value means never.
type shedding struct {
	target   time.Duration
	interval time.Duration
}

// codelInterval is CoDel's interval, 100 ms, in units of its target, 5 ms.
const codelInterval = 20

// sheddingOf is for Options that have a target.
func sheddingOf(target, interval time.Duration) shedding {
	if interval <= 0 {
		interval = codelInterval * target
	}
	return shedding{target: target, interval: interval}
}

// shedder is CoDel, in the variant of the C++ library folly: it tells a standing queue from
// the rest of a burst by the smallest wait within an interval. The zero value is for a flow
// in which no request has waited.
type shedder struct {
	until      time.Time     // end of the interval; zero: none has begun
	least      time.Duration // the smallest wait in it
	overloaded bool
}

// sheds reports whether the first waiter, which has waited for the given time, is shed. Alone
// it is not, for no other request would use its slot.
func (s *shedder) sheds(o shedding, now time.Time, waited time.Duration, alone bool) bool {
	if s.until.IsZero() || !now.Before(s.until) {
		s.overloaded = !s.until.IsZero() && s.least > o.target
		s.until = now.Add(o.interval)
		s.least = waited
	}
	s.least = min(s.least, waited)
	return s.overloaded && !alone && waited > 2*o.target
}

// wasEmpty is for a flow in which no request has waited: it forgets an interval that has
// ended. A moment without a waiter within an interval does not end an overload.
func (s *shedder) wasEmpty(now time.Time) {
	if !now.Before(s.until) {
		*s = shedder{}
	}
}
