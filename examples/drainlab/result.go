package main

import (
	"math"
	"slices"
	"time"
)

// result is what a cell has shown. All times are seconds for one request.
type result struct {
	cell
	requests int // of a trial
	rounds   int
	base     float64 // of a request that has no body: nothing to lose
	conn     float64 // C: what a lost connection costs
	best     float64 // time lost under the better of always close and always drain
	// resolution is what the rounds differ by of themselves.
	resolution float64
	scores     []score // by policy
}

// score is a policy's part in a cell. Costs are infinite where a policy never
// ends.
type score struct {
	cost  float64 // of a request and what its Close leaves to the next one
	lost  float64 // of that, the time over the base
	ratio float64 // lost, against the best in hindsight
	gross float64 // cost, against the best in hindsight
	conns float64 // new connections for each request, those of the warm-up apart
	bytes float64 // drained for each request
}

func (b *bench) result(l *lab) *result {
	r := &result{cell: b.cell, requests: b.requests, rounds: len(b.base)}
	var base []float64
	for _, t := range b.base {
		base = append(base, t.wall.Seconds()/float64(t.requests+1))
	}
	r.base = median(base)
	away := deviations(base)
	for _, trials := range b.runs {
		s := score{cost: math.Inf(1), lost: math.Inf(1)}
		if len(trials) > 0 {
			var costs, conns, bytes []float64
			for _, t := range trials {
				n := float64(t.requests)
				costs = append(costs, t.cost(r.base))
				conns = append(conns, float64(t.opened-1)/n)
				bytes = append(bytes, float64(t.drained)/n)
			}
			s.cost, s.conns, s.bytes = median(costs), median(conns), median(bytes)
			s.lost = s.cost - r.base
			away = append(away, deviations(costs)...)
		}
		r.scores = append(r.scores, s)
	}
	r.resolution = max(2*median(away), time.Nanosecond.Seconds()) // it divides

	closed, drained := r.scores[l.index(alwaysClose)], r.scores[l.index(alwaysDrain)]
	r.conn = closed.lost
	r.best = min(closed.lost, drained.lost)
	for i := range r.scores {
		s := &r.scores[i]
		// What can't be told from nothing counts as what can just be told.
		s.ratio = max(s.lost, r.resolution) / max(r.best, r.resolution)
		s.gross = s.cost / min(closed.cost, drained.cost)
	}
	return r
}

// cost is what one request with a body took in seconds, if one without takes base.
func (t trial) cost(base float64) float64 {
	return (t.wall.Seconds() - base) / float64(t.requests)
}

// resolved says that the machine was quiet enough for this cell: the worse of
// always close and always drain stands out.
func (r *result) resolved(l *lab) bool {
	worse := max(r.scores[l.index(alwaysClose)].lost, r.scores[l.index(alwaysDrain)].lost)
	return worse > 3*r.resolution
}

// deviations are the distances of values from their median, those of 0 left out:
// of an odd number of values one is the median.
func deviations(xs []float64) []float64 {
	m := median(xs)
	var ds []float64
	for _, x := range xs {
		if x != m {
			ds = append(ds, math.Abs(x-m))
		}
	}
	return ds
}

// median is 0 if there are no values.
func median(xs []float64) float64 {
	if len(xs) == 0 {
		return 0
	}
	s := slices.Sorted(slices.Values(xs))
	if n := len(s); n%2 == 0 {
		return (s[n/2-1] + s[n/2]) / 2
	}
	return s[len(s)/2]
}
