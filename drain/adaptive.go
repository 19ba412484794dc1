package drain

import (
	"time"

	"github.com/warmconn/warmconn/internal/stack"
)

// The adaptive policy is ski rental: to drain is to rent, for as long as that
// takes; to give up is to buy a new connection, at C. A skier who rents until the rent
// has come to the price, and then buys, never pays more than twice as much as the best
// choice in hindsight would have cost (Karlin et al., Competitive Snoopy Caching, 1988),
// and no rule that does not guess does better. Three things are known and not guessed:
// how much is left, if the server has announced it; how fast this host's bodies come; and
// how the last drains have ended.
const (
	// seedPlain and seedTLS stand for C until a connection was paid for. They
	// are what a server in the same region costs: one round trip and three.
	seedPlain = 10 * time.Millisecond
	seedTLS   = 30 * time.Millisecond
	// minCost is the least value of C: shorter times drown in the machine's other work.
	minCost = 500 * time.Microsecond
	// minTime and maxTime bound a budget. A timer can't be shorter than 1 ms, nor does a
	// busy machine run all goroutines in less.
	minTime = time.Millisecond
	maxTime = 500 * time.Millisecond
	// maxBytes is the most that is read of one body, however cheap it is.
	maxBytes = 64 << 20
	// measureEvery is how much of C may be spent in drains before a connection
	// is given up to measure C again; measureFirst as long as it was measured
	// less than measuredWell times.
	measureEvery, measureFirst = 64, 4
	measuredWell               = 6
	// rarely is the chance of reuse below which a connection is not worth
	// keeping.
	rarely = .25
)

// cost is C.
func cost(p stack.DrainInput) time.Duration {
	switch {
	case p.Cost > 0:
		return max(p.Cost, minCost)
	case p.TLS:
		return seedTLS
	}
	return seedPlain
}

// adapt is the budget of one drain.
func adapt(p stack.DrainInput) stack.Budget {
	c := cost(p)
	// A body that is left to net/http's own drain (Go 1.27) costs no caller anything, and a
	// later request may have the connection. What has no known end is not left to it:
	// it would come to the same end as ours.
	leave := p.Left >= 0
	b := stack.Budget{Bytes: maxBytes, Time: min(max(c, minTime), maxTime), Cost: c, LeaveToNetHTTP: leave}
	if p.Leaked {
		b.Bytes, b.Time, b.LeaveToNetHTTP = stack.LeakBytes, stack.LeakTime, false
		return b
	}
	worth := time.Duration(float64(c) * p.Reuse)
	skip := func(why string) stack.Budget {
		return stack.Budget{Why: why, Cost: c, CountsAsExperience: true, LeaveToNetHTTP: leave}
	}
	switch {
	case p.Reuse < rarely:
		return skip("rarely_reused")
	case p.Probe:
		return b
	case p.Left >= 0 && p.Rate > 0:
		if takes := float64(p.Left) / p.Rate; takes > worth.Seconds() {
			b = skip("too_slow")
			b.TakeBuffered = true
			b.LeaveToNetHTTP = takes < stack.NativeDrainTime.Seconds()
			return b
		}
	}
	if p.Ends*float64(c) < (1-p.Ends)*float64(b.Time) {
		// One that comes to the end saves C, one in vain costs its time.
		b = skip("too_long")
		b.TakeBuffered = true
		return b
	}
	every := time.Duration(measureEvery)
	if p.Measured < measuredWell {
		every = measureFirst
	}
	// Below minTime a budget can't be too high by C.
	if p.Cost > minTime && p.Spent > every*min(c, maxTime) {
		b = skip("remeasure")
		b.Remeasure = true
		return b
	}
	b.Time = min(max(worth, minTime), maxTime)
	return b
}
