// Package worth estimates, for one host, what draining a response body is worth:
// what a new connection costs, how fast bodies come, and how drains have ended.
package worth

import "time"

// Worth is what is known of a host that says how far a body of it is
// worth draining. Zero fields are not known yet.
type Worth struct {
	// Cost is what a new connection has been costing, from the start of its
	// dial until its request had it, or until it was up if another one did: a moving
	// average, by the address dialed, which may be a proxy's. Measured is how many it
	// rests on.
	Cost     time.Duration
	Measured int
	// Spent is the time in drains since Cost was last measured, those left out
	// that took next to nothing.
	Spent time.Duration
	// Rate is how fast bodies of known length have been coming, in bytes per
	// second.
	Rate float64
	// Reuse is how likely the next request comes before the connection has
	// idled out, from 0 to 1.
	Reuse float64
	// Ends is how likely a drain comes to the end of the body, by the last of
	// those of a length that was known, or not known, as this one's; from 0 to
	// 1, and 1 before the first.
	Ends float64
	// Probe says that it is time for a drain that does not look worth it, to
	// see whether that is still so.
	Probe bool
}

// Estimator gathers what Worth tells. The lock of its host guards it.
type Estimator struct {
	costs  []routeCost
	spent  time.Duration
	slow   float64 // nanoseconds a byte
	sure   float64 // what slow rests on, from 0 to 1
	unlike float64 // 1 - Worth.Reuse
	// By whether the length was known: one kind says nothing of the other.
	known, unknown kind

	lastEnd time.Time
}

type routeCost struct {
	addr     string
	cost     time.Duration
	measured int
}

// kind is what drains of one kind of bodies have come to.
type kind struct {
	tried   bool
	ends    float64 // Worth.Ends
	skipped int     // drains not tried since the last that was
	patient int     // how many may be before the next probe
	probing bool    // that was handed out
}

const (
	// maxRoutes bounds the addresses that one host is dialed at: proxies.
	maxRoutes = 4
	// rateBytes weighs what one body says of the rate: so many bytes count for
	// half. Few lie in buffers, and say little of the network.
	rateBytes = 128 << 10
	// firstInVain is Ends after a first drain in vain: too low for a second,
	// and high enough for one that comes to the end to change that.
	firstInVain = .4
	// probeWhole is the least that Ends is after a probe that came to the end:
	// enough for the next drain, for the bodies may be others now.
	probeWhole = .75
	// minProbe and maxProbe bound the drains not tried between two probes. They
	// double with each that was in vain: few are wasted on a host whose bodies
	// are long, and little is lost where it was only the machine that was busy.
	minProbe, maxProbe = 2, 32
)

// probe hands out a probe if it is time for one, to one who asks.
func (k *kind) probe() bool {
	if k.skipped < max(k.patient, minProbe) {
		return false
	}
	k.skipped, k.probing = 0, true
	return true
}

// drained notes what came of a drain.
func (k *kind) drained(whole bool) {
	probe := k.probing
	k.probing, k.skipped = false, 0
	x := 0.0
	if whole {
		x, k.patient = 1, 0
	} else if probe {
		k.patient = min(2*max(k.patient, minProbe), maxProbe)
	}
	if k.tried {
		k.ends += (x - k.ends) / 4
	} else {
		k.tried, k.ends = true, max(x, firstInVain)
	}
	if whole && probe {
		k.ends = max(k.ends, probeWhole)
	}
}

func (w *Estimator) kind(unknown bool) *kind {
	if unknown {
		return &w.unknown
	}
	return &w.known
}

// Paid notes what a new connection to addr has cost. One that cost far more
// than usual, a lost SYN say, counts no more than four usual ones.
func (w *Estimator) Paid(addr string, took time.Duration) {
	w.spent = 0
	for i := range w.costs {
		c := &w.costs[i]
		if c.addr != addr {
			continue
		}
		c.measured++
		if c.cost <= 0 { // less than the clock shows
			c.cost = took
		}
		c.cost += (min(took, 4*c.cost) - c.cost) / time.Duration(min(c.measured, 4))
		return
	}
	if len(w.costs) == maxRoutes {
		w.costs = append(w.costs[:0], w.costs[1:]...)
	}
	w.costs = append(w.costs, routeCost{addr, took, 1})
}

// Cost is what a connection to addr has been costing, and how many that rests
// on.
func (w *Estimator) Cost(addr string) (time.Duration, int) {
	for _, c := range w.costs {
		if c.addr == addr {
			return c.cost, c.measured
		}
	}
	return 0, 0
}

// Arrives notes that a request has come: in time to use a connection that the
// last one left, or not. A connection lies idle for idleTimeout at most; 0: for good.
func (w *Estimator) Arrives(others bool, idleTimeout time.Duration, now time.Time) {
	if w.lastEnd.IsZero() {
		return
	}
	late := 0.0
	if !others && idleTimeout > 0 && now.Sub(w.lastEnd) > idleTimeout {
		late = 1
	}
	w.unlike += (late - w.unlike) / 4
}

// Ended notes that an exchange has ended.
func (w *Estimator) Ended(now time.Time) { w.lastEnd = now }

// Worth is what is known now, for a body of which the length is known or not,
// over a connection to addr. A probe is handed out once.
func (w *Estimator) Worth(addr string, unknown bool) Worth {
	k := w.kind(unknown)
	out := Worth{Spent: w.spent, Reuse: 1 - w.unlike, Ends: 1, Probe: k.probe()}
	if k.tried {
		out.Ends = k.ends
	}
	out.Cost, out.Measured = w.Cost(addr)
	if w.sure > .3 && w.slow > 0 {
		out.Rate = 1e9 / w.slow
	}
	return out
}

// Read notes how long a part of a body of known length took to come. Others may
// be streams, whose pauses are no sign of a slow network.
func (w *Estimator) Read(bytes int64, took time.Duration) {
	if bytes <= 0 || took <= 0 {
		return
	}
	x := float64(took) / float64(bytes)
	f := float64(bytes) / float64(bytes+rateBytes)
	if w.sure > .3 {
		x = min(x, 4*w.slow)
	}
	w.sure += (1 - w.sure) * f
	w.slow += (x - w.slow) * f / w.sure
}

// Drained notes what a drain took where a new connection costs so much, and
// whether it came to the end. Unknown says that nobody knew how far that was.
func (w *Estimator) Drained(took, cost time.Duration, whole, unknown bool) {
	w.kind(unknown).drained(whole)
	if took > cost/16 {
		w.spent += took
	}
}

// NotDrained notes that a drain was not tried: because the cost is to be
// measured again, or because it was not worth it.
func (w *Estimator) NotDrained(remeasure, unknown bool) {
	if remeasure {
		w.spent = 0
	} else {
		w.kind(unknown).skipped++
	}
}
