package connpool

import "time"

// limitClock runs while the limit of connections forbids a dial that a route's waiting
// requests need. So the time that the limit costs a request can be told from the time of a
// dial: it is how far the clock runs from the beginning of the request's wait until the
// request gets a dial, or is served. There is one clock for a route, and none for each
// request: else every look at a full host would go through all requests that wait.
//
// The clock may run on when no request waits any more. The next request reads it as it
// shows then, and begins its wait with a look that sets the clock right. The zero value
// stands still.
type limitClock struct {
	since time.Time // zero: it stands still
	total time.Duration
}

func (l *limitClock) run(now time.Time) {
	if l.since.IsZero() {
		l.since = now
	}
}

func (l *limitClock) stop(now time.Time) {
	if !l.since.IsZero() {
		l.total += max(now.Sub(l.since), 0)
		l.since = time.Time{}
	}
}

// shows is the time that the clock shows. It asks for the present time only while it runs.
func (l *limitClock) shows() time.Duration {
	if l.since.IsZero() {
		return l.total
	}
	return l.total + max(time.Since(l.since), 0)
}
