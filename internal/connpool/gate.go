package connpool

import "time"

// A host of which no protocol is known yet may speak HTTP/2, and then one connection
// serves all who wait. So one dial goes first, and the others wait for it at a gate.
// Over HTTP/1 they begin a handshake later, once. How long that is right depends on what
// the dial shows:
//
//	0 ms          100 ms                         500 ms
//	│ one dial    │ two, the first may hang      │ as many as wait
//	╰─ its socket is open: one dial, until 4 times what the connect took
//
// While all dialed behind 100 ms, 100 requests at once over TLS 1.3 made 1 connection at a
// round trip of 0 and 20 ms, and 100 at 60 and 200 ms; now 1, 1, 1 and 2
// (TestAColdHerdDialsOnce in package pool). The second is dialed before the first shows that
// it is merely far.
//
// Rejected: to hold them for as long as the one dial has no error. A dial into a network
// that swallows packets fails behind 30 s, and others might have gone another way.
//
// A request that has little time left does not wait as long: what bare net/http would have
// brought in time must not come too late. Only the one that has waited longest is asked.
const (
	// gateMost is how long requests wait for the first connection to a host that
	// may turn out to speak HTTP/2, if that shows no progress meanwhile.
	gateMost = 100 * time.Millisecond
	// gateLast is how long they wait for two.
	gateLast = 5 * gateMost
	// shakes is how many times its connect a dial may take: a round trip for that, one
	// for TLS 1.3 or two for older ones, and the server's work.
	shakes = 4
	// hurry is the part of the time that a request has left, of which it waits at the gate
	// while nothing shows how far the host is, and pressed how many times the connect it
	// needs from there on: a dial of its own, and an answer.
	hurry, pressed = 8, shakes + 2
)

// gatedLocked reports whether those who wait without a dial are to wait for those that
// there are.
func (rt *route) gatedLocked(now time.Time) bool {
	if rt.protocol != unknown || !rt.gated() || rt.failed || rt.host.pool.keepAlivesOff || len(rt.dials) == 0 {
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

// pressedLocked reports whether the request of w could come too late if it waited on:
// bare net/http has it dial at once. Connect is what one to its host takes; 0: not known.
func (w *waiter) pressedLocked(connect time.Duration, now time.Time) bool {
	switch {
	case w.deadline.IsZero():
		return false
	case connect == 0:
		return now.Sub(w.began) >= w.deadline.Sub(w.began)/hurry
	}
	return w.deadline.Sub(now) < pressed*connect
}
