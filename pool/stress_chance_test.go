package pool_test

import (
	"fmt"
	"math"
	"testing"
)

// margin is the factor by which a set-up may have more outcomes that depend on speed than bare
// net/http, beyond chance: a request that takes 20 µs longer meets its caller's cancel more often.
// Failures have no margin.
const margin = 1.15

// alpha is the probability that a run fails by chance, though all set-ups do the same: for each
// of the kinds of judgement below.
const alpha = 1e-3

// zLimit returns the z beyond which one of n comparisons fails, so that all together keep to
// alpha (Bonferroni).
func zLimit(n int) float64 {
	return math.Sqrt2 * math.Erfinv(1-2*alpha/float64(max(n, 1)))
}

// excess returns by how many standard deviations kit has more of c than m times the mean of the
// bares. Requests are the same in each slice, so slices are compared pairwise. The variance is
// that of the differences, about 0, but no less than that of as many independent failures.
func excess(kit tally, bares []tally, c cell, m float64) float64 {
	diffs := make(map[int]float64)
	poisson := 0.
	for slice, n := range kit[c] {
		diffs[slice] += float64(n)
		poisson += float64(n)
	}
	k := float64(len(bares))
	for _, b := range bares {
		for slice, n := range b[c] {
			diffs[slice] -= m * float64(n) / k
			poisson += m * m * float64(n) / (k * k)
		}
	}
	sum, square := 0., 0.
	for _, d := range diffs {
		sum += d
		square += d * d
	}
	if sum == 0 {
		return 0
	}
	return sum / math.Sqrt(max(square, poisson))
}

// byChance returns the probability that n events all come to the kits, if kits and bares are
// equally likely to have each.
func byChance(n, kits, bares int) float64 {
	return math.Pow(float64(kits)/float64(kits+bares), float64(n))
}

// column is a set-up's outcomes.
type column struct {
	setUp
	tally
}

// finding is a difference between a set-up and bare net/http.
type finding struct {
	setUp string
	cell
	text string
}

// judgement has the findings that are wrong, and the ones that are worth a look.
type judgement struct {
	kits  []column
	bares []tally // net/http's, several times
	anew  tally   // net/http's with a connection for each request; may be nil

	wrong, look []finding
}

// shares compares each column's classes with bare's. If a single class of a family has more, that
// is only worth a look: it is wrong if the whole family has more.
func (j *judgement) shares() {
	list := cells(append(j.tallies(), j.bares...)...)
	for _, k := range j.kits {
		for _, c := range list {
			if !c.failed() && (!c.timed() || k.waits) {
				continue
			}
			limit, m := zLimit(len(list)*len(j.kits)), 1.
			if c.timed() {
				m = margin
			}
			if c == allFailures {
				limit = zLimit(len(j.kits)) // these are compared apart
			}
			z := excess(k.tally, j.bares, c, m)
			if k.renews && j.anew != nil && z > 0 {
				z = max(0, min(z, excess(k.tally, []tally{j.anew}, c, m)))
			}
			f := finding{k.name, c, fmt.Sprintf("%s: %v: %d, bare %d in %d runs: z %.1f of %.1f",
				k.name, c, k.sum(c), sum(j.bares, c), len(j.bares), z, limit)}
			switch {
			case z > limit && c.family() == c:
				j.wrong = append(j.wrong, f)
			case z > limit || z < -limit || c == allFailures:
				j.look = append(j.look, f)
			}
		}
	}
}

func (j *judgement) tallies() (all []tally) {
	for _, k := range j.kits {
		all = append(all, k.tally)
	}
	return all
}

func sum(all []tally, c cell) (n int) {
	for _, t := range all {
		n += t.sum(c)
	}
	return n
}

// news finds outcomes that bare net/http never has. A rare one may be missing there by chance: it
// is no fault if it is as seldom as chance explains, and bare net/http has it at another server or
// with another kind of request, or it is an error of net/http's at least. Each is printed. Slices
// count, not requests: a lost HTTP/2 connection takes all of its requests with it.
func (j *judgement) news() {
	all := append([]tally{j.anew}, j.bares...)
	elsewhere := make(map[string]bool)
	for _, c := range cells(all...) {
		elsewhere[c.class] = true
	}
	list := cells(j.tallies()...)
	limit := alpha / float64(max(len(list), 1))
	for _, c := range list {
		if sum(all, c) > 0 || !c.failed() {
			continue
		}
		slices, worst := 0, j.kits[0]
		for _, k := range j.kits {
			slices += len(k.tally[c])
			if len(k.tally[c]) > len(worst.tally[c]) {
				worst = k
			}
		}
		p := min(byChance(slices, len(j.kits), len(j.bares)), float64(len(j.kits))*byChance(len(worst.tally[c]), 1, len(j.bares)))
		f := finding{worst.name, c, fmt.Sprintf("%v: %d, most with %s (%d), never with bare net/http", c, sum(j.tallies(), c), worst.name, worst.sum(c))}
		if elsewhere[c.class] {
			f.text += ", which has it elsewhere"
		}
		otherWords := elsewhere[c.class] && c.family() != c
		switch {
		case p < limit && !otherWords, foreign(c.class) && !elsewhere[c.class]:
			j.wrong = append(j.wrong, f)
		case !c.isSum():
			j.look = append(j.look, f)
		}
	}
}

func TestStressFindsMoreFailuresThanChance(t *testing.T) {
	c, other := cell{"s", opGet, "connection reset"}, cell{"s", opPost, "connection reset"}
	even := func(n int) tally {
		t := make(tally)
		for i := range 40 {
			t.add(c, i, n+i%3)
			t.add(other, i, 1)
		}
		t.add(cell{"s", opPost, "broken pipe"}, 0, 1)
		return t
	}
	with := func(class string, n, slices int) tally {
		t := even(2)
		for i := range slices {
			t.add(cell{"s", opGet, class}, i, n)
		}
		return t
	}
	swapped := even(2)
	swapped[c], swapped[cell{"s", opGet, "broken pipe"}] = nil, swapped[c]
	tests := []struct {
		name string
		kit  tally
		bad  bool
	}{
		{"the same", even(2), false},
		{"half as much again", even(4), true},
		{"fewer", even(1), false},
		{"many at once, once: one connection", with("connection reset", 40, 1), false},
		{"as many in other words", swapped, false},
		{"an error that net/http doesn't know", with(unknownError+"x", 1, 1), true},
		{"an error that bare missed by chance", with("malformed HTTP response", 8, 1), false},
		{"an error that bare doesn't have", with("malformed HTTP response", 1, 20), true},
		{"cancels, a few more", with(classCanceled, 1, 3), false},
		{"cancels, many more", with(classCanceled, 1, 40), true},
	}
	for _, tt := range tests {
		j := judgement{kits: []column{{setUp{name: "kit"}, tt.kit.summed()}}, bares: []tally{even(2).summed(), even(2).summed()}}
		j.shares()
		j.news()
		if (len(j.wrong) > 0) != tt.bad {
			t.Errorf("%s: %q, want bad=%v", tt.name, j.wrong, tt.bad)
		}
	}
}
