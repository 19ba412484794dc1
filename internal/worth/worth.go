// Package worth estimates, for one host, whether draining a response body is worth it, by
//
//   - the cost of a new connection;
//   - the rate at which bodies come;
//   - how likely the kept connection is used again;
//   - how often drains have come to the end of the body.
package worth

import "time"

// Worth holds the estimates for one host by which a policy decides how far a body is
// worth draining. Zero fields are not known yet.
type Worth struct {
	// Cost is the time that a new connection takes: from the start of its dial until its
	// request is given it, or until it is ready if the request was served otherwise. It is
	// a moving average for the address dialed, which may be a proxy's. Measured is the
	// number of connections in it.
	Cost     time.Duration
	Measured int
	// Spent is the time that drains have taken since Cost was last measured, without
	// drains that took next to nothing.
	Spent time.Duration
	// Rate is how fast bodies of known length come, in bytes per second.
	Rate float64
	// Reuse is the probability, from 0 to 1, that the next request comes before the
	// connection has idled out.
	Reuse float64
	// Ends is the probability, from 0 to 1, that a drain comes to the end of the body: a
	// moving average, kept apart for bodies of known and of unknown length. It is 1 before
	// the first drain.
	Ends float64
	// Probe says that this body should be drained even if it does not look worth it, to
	// see whether that is still so.
	Probe bool
}

// Estimator learns the fields of Worth. The lock of its host guards it.
type Estimator struct {
	costs  []routeCost
	spent  time.Duration
	slow   float64 // nanoseconds a byte
	sure   float64 // how much slow rests on, from 0 to 1
	unlike float64 // 1 - Worth.Reuse
	// Bodies of known and of unknown length: one kind says nothing of the other.
	known, unknown kind

	lastEnd time.Time
}

type routeCost struct {
	addr     string
	cost     time.Duration
	measured int
}

// kind holds the results of the drains of one kind of bodies.
type kind struct {
	tried   bool
	ends    float64 // Worth.Ends
	skipped int     // bodies not drained since the last drain
	patient int     // how many of these come before the next probe
	probing bool    // the probe was handed out
}

const (
	// maxRoutes bounds the addresses, the host's own or a proxy's, whose costs are kept
	// apart.
	maxRoutes = 4
	// rateBytes weighs one body in the rate: a body of that size counts for half. A small
	// body was in buffers already, and says little of the network.
	rateBytes = 128 << 10
	// firstInVain is Ends after a first drain in vain: too low for a second drain, and so
	// high that a drain to the end changes that.
	firstInVain = .4
	// probeWhole is the least value of Ends after a probe that came to the end: enough for
	// the next drain, for the host's bodies may have changed.
	probeWhole = .75
	// minProbe and maxProbe bound the bodies not drained between two probes. Their number
	// doubles with each probe in vain: so few probes are wasted on a host whose bodies are
	// long, and little is lost where only the machine was busy.
	minProbe, maxProbe = 2, 32
)

// probe reports whether it is time for a probe. If it is, the caller has it, and the next
// ones wait.
func (k *kind) probe() bool {
	if k.skipped < max(k.patient, minProbe) {
		return false
	}
	k.skipped, k.probing = 0, true
	return true
}

// drained notes the result of a drain: whether it came to the end of the body.
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

// Paid notes the time that a new connection to addr took. One that took far longer than
// usual, for a lost SYN say, counts as four times the usual.
func (w *Estimator) Paid(addr string, took time.Duration) {
	w.spent = 0
	for i := range w.costs {
		c := &w.costs[i]
		if c.addr != addr {
			continue
		}
		c.measured++
		if c.cost <= 0 { // the first took less than the clock's resolution
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

// Cost returns Worth's Cost and Measured for addr.
func (w *Estimator) Cost(addr string) (time.Duration, int) {
	for _, c := range w.costs {
		if c.addr == addr {
			return c.cost, c.measured
		}
	}
	return 0, 0
}

// Arrives notes that a request has come, and whether that was in time for an idle
// connection: others says that other exchanges are in flight, and idleTimeout for how long
// connections stay idle, 0 without a limit.
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

// Worth returns the estimates for a body on a connection to addr. Unknown says that the
// body's length is not known. When a probe is due, one call is given it.
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

// Read notes how long bytes of a body of known length took to arrive. It is not for bodies
// of unknown length: they may be event streams, whose pauses are no sign of a slow network.
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

// Drained notes how long a drain took, what a new connection cost then, and whether the
// drain came to the end of the body. Unknown says that the body's length was not known.
func (w *Estimator) Drained(took, cost time.Duration, whole, unknown bool) {
	w.kind(unknown).drained(whole)
	if took > cost/16 {
		w.spent += took
	}
}

// NotDrained notes that a body was not drained: remeasure says that a new connection's cost
// is to be measured again; otherwise it did not look worth it.
func (w *Estimator) NotDrained(remeasure, unknown bool) {
	if remeasure {
		w.spent = 0
	} else {
		w.kind(unknown).skipped++
	}
}
