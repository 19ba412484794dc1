package connpool

import "time"

// A host whose protocol is not known yet may speak HTTP/2, and then one connection serves
// all requests that wait. So one dial goes first, and the other requests wait for it at a
// gate. If the host turns out to speak HTTP/1, their own dials begin that much later, once.
// How long they wait depends on the progress of the dial:
//
//	0 ms          100 ms                         500 ms
//	│ one dial    │ two, the first may hang      │ as many as wait
//	╰─ its socket is open: one dial, until 4 times as long as the connect
//
// While all requests dialed after 100 ms, 100 requests at once over TLS 1.3 made 1 connection
// at a round trip of 0 and 20 ms, and 100 at 60 and 200 ms; now 1, 1, 1 and 2
// (TestAColdHerdDialsOnce in package pool). The second of the 2 is dialed before the first
// shows that the host is merely far.
//
// Rejected: to hold the requests until the one dial fails. A dial into a network that
// swallows packets fails after 30 s, and other dials might have gone another way.
//
// A request that has little time left does not wait as long: a response that bare net/http
// would have brought in time must not come too late. Only the request that has waited
// longest is asked for that.
const (
	// gateMost is how long requests wait for the first connection to a host that may turn
	// out to speak HTTP/2, if the dial shows no progress meanwhile.
	gateMost = 100 * time.Millisecond
	// gateLast is how long they wait for two dials.
	gateLast = 5 * gateMost
	// shakes is how many times as long as its connect a dial may take: one round trip for
	// the connect, one for TLS 1.3 or two for older versions, and the server's work.
	shakes = 4
	// hurry: a request waits at the gate for no more than 1/hurry of the time that it has,
	// while nothing shows how far the host is. Pressed is how many times the connect's time
	// a request needs once it dials: for its dial, and an answer.
	hurry, pressed = 8, shakes + 2
)

// gatedLocked reports whether the requests without a dial must wait for the dials that are
// under way.
func (rt *route) gatedLocked(now time.Time) bool {
	if rt.protocol != unknown || rt.failed || rt.host.pool.keepAlivesOff || len(rt.dials) == 0 {
		return false
	}
	first := rt.dials[0]
	if now.Sub(first.dial.began) < gateMost {
		return true
	}
	two := rt.dials[:min(len(rt.dials), 2)]
	farthest, shaking := time.Duration(0), false
	for _, c := range two {
		took := c.dial.clock.took()
		farthest = max(farthest, took.Connect)
		if took.Connect > 0 && now.Sub(c.dial.began) < took.DNS+max(gateMost, shakes*took.Connect) {
			shaking = true
		}
	}
	switch w := rt.waiters.undialed.First(); {
	case w != nil && w.pressedLocked(farthest, now):
		return false
	case shaking:
		return true
	}
	return len(two) > 1 && now.Sub(first.dial.began) < gateLast
}

// pressedLocked reports whether the request of w could come too late if it waited on, where
// bare net/http would have it dial at once. Connect is how long a connect to its host takes;
// 0: not known.
func (w *waiter) pressedLocked(connect time.Duration, now time.Time) bool {
	switch {
	case w.deadline.IsZero():
		return false
	case connect == 0:
		return now.Sub(w.began) >= w.deadline.Sub(w.began)/hurry
	}
	return w.deadline.Sub(now) < pressed*connect
}
