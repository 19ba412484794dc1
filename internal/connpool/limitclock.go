package connpool

import "time"

// limitClock runs while the limit of connections forbids a dial that a route's waiting
// requests need. So the part of a request's wait that the limit has cost is told from
// that of a dial: what the clock shows when the request gets a dial, or is served, less
// what it showed when it began to wait. It runs for the route and not for each request, or
// every look at a full host would go through all who wait.
//
// It may run on when no request waits any more: the next one sees it as it is then, and
// has it put right by the look with which its wait begins. Its zero value stands still.
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

// shows is what it shows now. It asks for the time only while it runs.
func (l *limitClock) shows() time.Duration {
	if l.since.IsZero() {
		return l.total
	}
	return l.total + max(time.Since(l.since), 0)
}
