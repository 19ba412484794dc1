package main

import (
	"fmt"
	"math"
)

// The goals that -check holds the kit to.
const (
	goalMean  = 1.15
	goalWorst = 2.0
	// worthIt is the cost of a connection from which on goalWorst is asked for: a
	// timer of Go's may take a millisecond, so no budget can be smaller.
	worthIt = 1e-3
)

// summary is a policy over all cells that are resolved.
type summary struct {
	policy string
	mean   float64
	geo    float64 // geometric mean
	worst  extreme
	worthy extreme   // the worst where a connection costs worthIt or more
	gross  float64   // mean of the gross ratios
	by     []float64 // means by groups; NaN if a group is empty
}

// extreme is a ratio and where it was found.
type extreme struct {
	ratio float64
	cell  cell
}

// groups are the parts of the sweep that get a mean of their own.
var groups = []struct {
	name string
	has  func(cell) bool
}{
	{"sizes", cell.framed},
	{length, func(c cell) bool { return c.body == length }},
	{chunked, func(c cell) bool { return c.body == chunked }},
	{zipped, func(c cell) bool { return c.body == zipped }},
	{"late", func(c cell) bool { return c.body == late }},
	{"endless", cell.endless},
	{"plain", func(c cell) bool { return !c.tls }},
	{"tls", func(c cell) bool { return c.tls }},
	{"0ms", func(c cell) bool { return c.rtt == 0 }},
	{"2ms", func(c cell) bool { return roundTrip(c.rtt) == "2ms" }},
	{"20ms", func(c cell) bool { return roundTrip(c.rtt) == "20ms" }},
}

// summarize goes over the results that are resolved; the rest are not counted.
func (l *lab) summarize(results []*result) (all []summary, unresolved int) {
	for _, r := range results {
		if !r.resolved(l) {
			unresolved++
		}
	}
	for i, p := range l.policies {
		s := summary{policy: p.name}
		mean := func(value func(*result) float64, has func(cell) bool) float64 {
			sum, n := 0.0, 0
			for _, r := range results {
				if r.resolved(l) && has(r.cell) {
					sum += value(r)
					n++
				}
			}
			return sum / float64(n)
		}
		every := func(cell) bool { return true }
		ratio := func(r *result) float64 { return r.scores[i].ratio }
		s.mean = mean(ratio, every)
		s.geo = math.Exp(mean(func(r *result) float64 { return math.Log(ratio(r)) }, every))
		s.gross = mean(func(r *result) float64 { return r.scores[i].gross }, every)
		for _, g := range groups {
			s.by = append(s.by, mean(ratio, g.has))
		}
		for _, r := range results {
			if !r.resolved(l) {
				continue
			}
			s.worst.take(ratio(r), r.cell)
			if r.conn >= worthIt {
				s.worthy.take(ratio(r), r.cell)
			}
		}
		all = append(all, s)
	}
	return all, unresolved
}

func (e *extreme) take(ratio float64, c cell) {
	if ratio > e.ratio {
		*e = extreme{ratio, c}
	}
}

func (e extreme) String() string {
	if e.ratio == 0 {
		return "-"
	}
	return fmt.Sprintf("%s at %s", times(e.ratio), e.cell)
}

// times prints a ratio.
func times(x float64) string {
	switch {
	case math.IsNaN(x):
		return "-"
	case math.IsInf(x, 1):
		return "∞"
	case x < 10:
		return fmt.Sprintf("%.2f", x)
	}
	return fmt.Sprintf("%.0f", x)
}

// missed says which goals the kit has missed.
func missed(all []summary, cells, unresolved int) []string {
	kit := all[len(all)-1]
	var why []string
	// A NaN misses every goal.
	if !(kit.mean <= goalMean) {
		why = append(why, fmt.Sprintf("the kit's mean is %.3f, want at most %.2f", kit.mean, goalMean))
	}
	if kit.worthy.ratio > goalWorst {
		why = append(why, fmt.Sprintf("the kit's worst where a connection costs 1 ms or more is %v, want at most %.1f", kit.worthy, goalWorst))
	}
	for _, s := range all[:len(all)-1] {
		if !(s.mean > kit.mean) {
			why = append(why, fmt.Sprintf("%q has the mean %.3f, the kit %.3f", s.policy, s.mean, kit.mean))
		}
	}
	if unresolved*10 > cells {
		why = append(why, fmt.Sprintf("%d of %d cells are not resolved: the machine is too busy", unresolved, cells))
	}
	return why
}
