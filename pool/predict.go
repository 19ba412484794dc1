package pool

import (
	"context"
	"time"
)

// meter measures how long slots are held: the time that all of them were held
// together, over how many holds have ended (Little's law). No slot needs a
// clock of its own, and a hold that hangs counts while it does: slots that are
// lost to it make the others look slow, which is what they are to a waiter.
//
// A refusal does harm where waiting in vain does none that was not there
// before. So the prediction is the least of three averages, each of which is
// too high at times: the recent one when a few holds were long by chance, the
// long one when holds got shorter; and both when streams were held for hours
// beside a few short requests, which full, of the time when all slots were in
// use, has not seen. That one counts too few ends of bursts without a waiter.
type meter struct {
	at     time.Time // holds up to here are counted
	ends   int       // while all slots were in use, up to basis
	recent average
	long   average
	full   average
}

// average forgets with each end, so that it is one of about as many as its
// window has.
type average struct {
	held  float64 // seconds
	ended float64
}

// Windows are in turnovers of all slots: within one, all may end at once or
// none at all.
const (
	recentTurnovers, recentLeast = 8, 64
	longTurnovers, longLeast     = 32, 512
	// basis is how many holds must have ended before anything is predicted.
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

// end counts one of inUse holds, which has ended.
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

// wait predicts how long one waits behind that many others while all slots are
// in use; 0 while too few holds have ended.
func (m *meter) wait(limit, ahead int) time.Duration {
	if m.ends < basis(limit) {
		return 0
	}
	mean := min(m.recent.held/m.recent.ended, m.long.held/m.long.ended, m.full.held/m.full.ended)
	return time.Duration(mean * float64(ahead+1) / float64(limit) * float64(time.Second))
}

// left is how long a request can wait; ok is false if nothing bounds it.
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
