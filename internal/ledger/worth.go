package ledger

import "time"

// Worth is what a ledger knows of a host that says how far a body of it is
// worth draining. Zero fields are not known yet.
type Worth struct {
	// Cost is what a new connection has been costing, from the start of its
	// dial until a request had it: a moving average, by the address dialed,
	// which may be a proxy's.
	Cost time.Duration
	// Rate is how fast bodies have been coming, in bytes per second.
	Rate float64
	// Reuse is how likely the next request comes before the connection has
	// idled out, from 0 to 1.
	Reuse float64
	// Ends is how likely a drain of a body of unknown length comes to the end,
	// by the last of them, from 0 to 1; 1 before the first.
	Ends float64
	// Probe says that it is time for a drain that does not look worth it, to
	// see whether that is still so.
	Probe bool
	// Spent is the time in drains since Cost was last measured, those left out
	// that took less than a quarter of it.
	Spent time.Duration
}

// worth is Worth as it is gathered, on a Host's page.
type worth struct {
	costs  []routeCost
	slow   float64 // nanoseconds a byte
	sure   float64 // what slow rests on, from 0 to 1
	unlike float64 // 1 - Worth.Reuse
	tried  bool    // a drain of unknown length was
	ends   float64 // Worth.Ends
	spent  time.Duration
	// By whether the length was known: a probe of one kind says nothing of the
	// other.
	known, unknown pause

	lastEnd time.Time
	// How long a connection was idle when the server closed it: the server's
	// own limit, as far as one can see. 0 if not known.
	serverIdle time.Duration
}

// pause counts the drains not tried.
type pause struct {
	skipped int // since the last that was
	patient int // how many may be before the next probe
}

func (p *pause) over() bool { return p.skipped >= max(p.patient, minProbe) }

// tried notes a drain, and reports whether it was a probe.
func (p *pause) tried(whole bool) (probe bool) {
	probe = p.skipped > 0
	switch {
	case whole:
		p.patient = 0
	case probe:
		p.patient = min(2*max(p.patient, minProbe), maxProbe)
	}
	p.skipped = 0
	return probe
}

func (w *worth) pause(unknown bool) *pause {
	if unknown {
		return &w.unknown
	}
	return &w.known
}

type routeCost struct {
	addr string
	cost time.Duration
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

// paid notes what a new connection to addr has cost. One that cost far more
// than usual, a lost SYN say, counts no more than four usual ones. h.mu is held.
func (w *worth) paid(addr string, took time.Duration) {
	w.spent = 0
	for i := range w.costs {
		if c := &w.costs[i]; c.addr == addr {
			if c.cost <= 0 { // less than the clock shows
				c.cost = took
			}
			c.cost += (min(took, 4*c.cost) - c.cost) / 4
			return
		}
	}
	if len(w.costs) == maxRoutes {
		w.costs = append(w.costs[:0], w.costs[1:]...)
	}
	w.costs = append(w.costs, routeCost{addr, took})
}

// arrives notes that a request has come: in time to use a connection that the
// last one left, or not. h.mu is held.
func (w *worth) arrives(others bool, idleTimeout time.Duration, now time.Time) {
	if w.serverIdle > 0 && (idleTimeout == 0 || w.serverIdle < idleTimeout) {
		idleTimeout = w.serverIdle
	}
	if w.lastEnd.IsZero() {
		return
	}
	late := 0.0
	if !others && idleTimeout > 0 && now.Sub(w.lastEnd) > idleTimeout {
		late = 1
	}
	w.unlike += (late - w.unlike) / 4
}

// serverClosed notes that the server closed a connection that was idle for so
// long. One that was hardly idle fell to something else, a restart say.
func (w *worth) serverClosed(idle time.Duration) {
	if idle >= time.Second {
		w.serverIdle = idle
	}
}

// survived notes that a connection was idle for so long, and lived. h.mu is
// held.
func (w *worth) survived(idle time.Duration) {
	if idle > w.serverIdle {
		w.serverIdle = 0
	}
}

// Worth is what is known now; unknown says that the length of the body is not.
func (u *Use) Worth(unknown bool) Worth {
	h := u.host
	h.mu.Lock()
	defer h.mu.Unlock()
	w := &h.worth
	out := Worth{Reuse: 1 - w.unlike, Ends: 1, Probe: w.pause(unknown).over(), Spent: w.spent}
	if w.tried {
		out.Ends = w.ends
	}
	for _, c := range w.costs {
		if c.addr == u.addr {
			out.Cost = c.cost
		}
	}
	if w.sure > .3 && w.slow > 0 {
		out.Rate = 1e9 / w.slow
	}
	return out
}

// Read notes how long a part of a body took to come.
func (u *Use) Read(bytes int64, took time.Duration) {
	if bytes <= 0 || took <= 0 {
		return
	}
	h := u.host
	h.mu.Lock()
	defer h.mu.Unlock()
	w := &h.worth
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
func (u *Use) Drained(took, cost time.Duration, whole, unknown bool) {
	h := u.host
	h.mu.Lock()
	defer h.mu.Unlock()
	w := &h.worth
	probe := w.pause(unknown).tried(whole)
	if took > cost/4 {
		w.spent += took
	}
	x := 0.0
	if whole {
		x = 1
	}
	switch {
	case !unknown:
	case !w.tried:
		w.tried = true
		w.ends = max(x, firstInVain)
	default:
		w.ends += (x - w.ends) / 4
		if probe && whole {
			w.ends = max(w.ends, probeWhole)
		}
	}
}

// NotDrained notes that a drain was not tried: because the cost is to be
// measured again, or because it was not worth it.
func (u *Use) NotDrained(remeasure, unknown bool) {
	u.host.mu.Lock()
	defer u.host.mu.Unlock()
	if remeasure {
		u.host.worth.spent = 0
	} else {
		u.host.worth.pause(unknown).skipped++
	}
}
