package pool

import (
	"context"
	"time"
)

// meter measures how long slots are held: the time that all slots together were held,
// divided by the number of holds that have ended (Little's law). So no slot needs a
// clock of its own. A hold that hangs counts while it hangs: its slot is lost, and the
// others look slower, as they are to a waiter.
//
// A wrong refusal does harm, and a wait in vain does no more than there was before the
// option. So the prediction is the least of three averages, each of which is too high at
// times:
//
//   - recent, when a few holds were long by chance;
//   - long, when holds have become shorter;
//   - both of them, when streams were held for hours beside a few short requests. Full does
//     not see that: it averages over the time when all slots were in use. But it misses the
//     ends in bursts that have no waiter.
type meter struct {
	at     time.Time // holds up to here are counted
	ends   int       // ends while all slots were in use, up to basis
	recent average
	long   average
	full   average
}

// average is a moving average: each end has earlier ones count less, so that it goes back
// over about as many as its window.
type average struct {
	held  float64 // seconds
	ended float64
}

// Windows are multiples of the number of slots, for within one turnover of all slots all
// holds may end, or none.
const (
	recentTurnovers, recentLeast = 8, 64
	longTurnovers, longLeast     = 32, 512
	// basis is the number of holds that must have ended before anything is predicted.
	basisTurnovers, basisLeast = 2, 16
)

func basis(limit int) int { return max(basisTurnovers*limit, basisLeast) }

// pass counts the time since the last call, in which inUse slots were held.
func (m *meter) pass(now time.Time, inUse, limit int) {
	held := now.Sub(m.at).Seconds() * float64(inUse)
	m.recent.held += held
	m.long.held += held
	if inUse == limit {
		m.full.held += held
	}
	m.at = now
}

// end counts the end of a hold, one of inUse.
func (m *meter) end(inUse, limit int) {
	long := max(longTurnovers*limit, longLeast)
	m.recent.end(max(recentTurnovers*limit, recentLeast))
	m.long.end(long)
	if inUse == limit {
		m.full.end(long)
		m.ends = min(m.ends+1, basis(limit))
	}
}

func (a *average) end(window int) {
	keep := 1 - 1/float64(window)
	a.ended = (a.ended + 1) * keep
	a.held *= keep
}

// wait predicts how long a request waits that has ahead others before it, while all slots
// are in use; 0 if too few holds have ended.
func (m *meter) wait(limit, ahead int) time.Duration {
	if m.ends < basis(limit) {
		return 0
	}
	mean := min(m.recent.held/m.recent.ended, m.long.held/m.long.ended, m.full.held/m.full.ended)
	return time.Duration(mean * float64(ahead+1) / float64(limit) * float64(time.Second))
}

// left returns how long a request can wait; ok is false if nothing bounds that.
func left(ctx context.Context, v *acquisition, now time.Time) (d time.Duration, ok bool) {
	deadline, ok := ctx.Deadline()
	if ok {
		d = deadline.Sub(now)
	}
	if v.timeout > 0 && (!ok || v.timeout-v.waited < d) {
		return v.timeout - v.waited, true
	}
	return d, ok
}
