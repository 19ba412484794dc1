package main

import (
	"math"
	"strings"
	"testing"
	"time"
)

// threePolicies is a lab that never ran.
func threePolicies() *lab {
	return &lab{policies: []policy{{name: alwaysClose}, {name: alwaysDrain, unbounded: true}, {name: theKit}}}
}

// trials are rounds of ten requests each, whose costs are those given, where a
// request without a body takes base.
func trials(base time.Duration, costs ...time.Duration) (ts []trial) {
	for _, c := range costs {
		ts = append(ts, trial{requests: 10, wall: 10*c + base, opened: 1})
	}
	return ts
}

func near(got, want float64) bool { return math.Abs(got-want) < 1e-9*max(1, math.Abs(want)) }

func TestRatioIsOfTheTimeLost(t *testing.T) {
	const base = 10 * time.Millisecond
	b := &bench{cell: cell{body: length, size: 1 << 10}, requests: 10, base: trials(base, base, base+1000, base-1000)}
	b.runs = [][]trial{
		trials(base, base+20*time.Millisecond),
		trials(base, base+2*time.Millisecond),
		trials(base, base+3*time.Millisecond, base+500*time.Millisecond, base+3*time.Millisecond), // a hiccup
	}
	r := b.result(threePolicies())
	if !near(r.base, 0.010) || !near(r.conn, 0.020) || !near(r.best, 0.002) {
		t.Errorf("base %v, C %v, best %v; want 0.01, 0.02, 0.002", r.base, r.conn, r.best)
	}
	for i, want := range []float64{10, 1, 1.5} {
		if !near(r.scores[i].ratio, want) {
			t.Errorf("ratio %d is %v, want %v", i, r.scores[i].ratio, want)
		}
	}
	for i, want := range []float64{30. / 12, 1, 13. / 12} {
		if !near(r.scores[i].gross, want) {
			t.Errorf("gross ratio %d is %v, want %v", i, r.scores[i].gross, want)
		}
	}
}

func TestNoiseIsNoDifference(t *testing.T) {
	const base = time.Millisecond
	b := &bench{cell: cell{body: length, size: 1 << 10}, requests: 10}
	b.base = trials(base, base-100e3, base, base+100e3)
	b.runs = [][]trial{
		trials(base, base+9e6, base+9e6, base+9e6),
		trials(base, base-150e3, base-50e3, base+50e3), // seems to gain time
		trials(base, base, base+100e3, base+200e3),
	}
	l := threePolicies()
	r := b.result(l)
	if !near(r.resolution, 200e-6) {
		t.Errorf("resolution %v, want 200 µs: twice what rounds are away from their median", r.resolution)
	}
	if !r.resolved(l) || !near(r.scores[2].ratio, 1) || !near(r.scores[0].ratio, 45) {
		t.Errorf("resolved %t, the kit's ratio %v, that of always close %v; want true, 1, 45", r.resolved(l), r.scores[2].ratio, r.scores[0].ratio)
	}
	b.runs[0] = trials(base, base+300e3, base+500e3, base+700e3)
	if r := b.result(l); r.resolved(l) {
		t.Errorf("a C of %v is resolved by %v", r.conn, r.resolution)
	}
}

func TestEndlessBodyIsInfiniteForWhoeverDrainsIt(t *testing.T) {
	const base = time.Millisecond
	b := &bench{cell: cell{body: fast}, requests: 10, base: trials(base, base)}
	b.runs = [][]trial{trials(base, 2*base), nil, trials(base, 3*base)}
	l := threePolicies()
	r := b.result(l)
	if !near(r.best, 1e-3) || !math.IsInf(r.scores[1].ratio, 1) || !near(r.scores[2].ratio, 2) {
		t.Errorf("best %v, ratios %v and %v; want 0.001, +Inf, 2", r.best, r.scores[1].ratio, r.scores[2].ratio)
	}
	all, unresolved := l.summarize([]*result{r})
	if unresolved != 0 || times(all[1].mean) != "∞" || times(all[2].mean) != "2.00" {
		t.Errorf("%d unresolved, summaries %+v", unresolved, all)
	}
}

func TestCheckHoldsTheKitToItsGoals(t *testing.T) {
	summaries := func(kit float64) []summary {
		return []summary{
			{policy: alwaysClose, mean: 4},
			{policy: alwaysDrain, mean: math.Inf(1)},
			{policy: theKit, mean: kit, worthy: extreme{ratio: 1.9}},
		}
	}
	if why := missed(summaries(1.1), 100, 10); len(why) != 0 {
		t.Errorf("missed: %q", why)
	}
	worst := summaries(1.1)
	worst[2].worthy.ratio = 2.1
	for name, tt := range map[string]struct {
		summaries  []summary
		unresolved int
		want       string
	}{
		"mean":           {summaries(1.2), 0, "mean"},
		"no mean":        {summaries(math.NaN()), 0, "mean"},
		"worst":          {worst, 0, "worst"},
		"not the best":   {append([]summary{{policy: "other", mean: 1.05}}, summaries(1.1)...), 0, "other"},
		"too much noise": {summaries(1.1), 11, "not resolved"},
	} {
		if why := strings.Join(missed(tt.summaries, 100, tt.unresolved), "; "); !strings.Contains(why, tt.want) {
			t.Errorf("%s: missed %q, want something of %q", name, why, tt.want)
		}
	}
}

func TestMedian(t *testing.T) {
	for _, tt := range []struct {
		of   []float64
		want float64
	}{{nil, 0}, {[]float64{3}, 3}, {[]float64{3, 1}, 2}, {[]float64{9, 1, 2}, 2}} {
		if got := median(tt.of); got != tt.want {
			t.Errorf("median of %v is %v, want %v", tt.of, got, tt.want)
		}
	}
}

func TestPlanKeepsWithinTheBudget(t *testing.T) {
	var benches []*bench
	for _, c := range full.cells() {
		e := estimate{empty: c.rtt.Seconds() + 1e-4, closed: 2*c.rtt.Seconds() + 1e-3, drained: 3e-3}
		benches = append(benches, &bench{cell: c, estimate: e})
	}
	stages := stagesOf(benches)
	planned := 0
	for _, s := range stages {
		planned += len(s.benches)
	}
	if planned != len(benches) {
		t.Errorf("%d cells planned, want %d", planned, len(benches))
	}
	l := &lab{policies: policies(), rounds: 3, fewest: 6, budget: time.Minute, began: time.Now()}
	l.plan(stages)
	var seconds float64
	for _, s := range stages {
		for _, b := range s.benches {
			if b.requests < l.fewest || b.requests > mostRequests || b.most <= 0 {
				t.Errorf("%s: %d requests in %v", b.cell, b.requests, b.most)
			}
			seconds += b.trial(b.requests) * float64(len(l.policies)+1) * float64(l.rounds) / float64(s.lanes)
		}
	}
	if seconds > 60 || seconds < 30 {
		t.Errorf("the plan takes %.0f s of 60", seconds)
	}
}
