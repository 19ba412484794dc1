package main

import (
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"slices"
	"time"

	"github.com/warmconn/warmconn/examples/realservers/internal/child"
	"github.com/warmconn/warmconn/roundtripper"
)

// A comparison is what a scenario showed.
type comparison struct {
	scenario string
	workers  int
	rows     []*row // by variant, bare first
}

// A row is one variant's.
type row struct {
	variant  string
	requests int
	rps      []float64       // each round's
	took     []time.Duration // sorted
	opened   int             // connections, by the dialer
	errors   map[string]int  // by class
	kit      bool
	limit    int                               // of requests in flight; 0: none
	reasons  map[roundtripper.NewReason]int    // why connections were new; the kit's
	lost     map[roundtripper.NewReason]uint64 // why connections were lost; the pool's
	counted  int                               // connections, by the pool
}

// compare starts the scenario's server and runs all variants against it, in
// rounds: one slice of each, in random order. All slices have as many requests
// as a client that is not counted sent in the given time.
func (s *scenario) compare(ctx context.Context, rounds int, d time.Duration) (*comparison, error) {
	dir, err := os.MkdirTemp("", "realservers")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	keys, err := child.NewKeys(dir)
	if err != nil {
		return nil, err
	}
	srv, err := s.start(ctx, keys)
	if err != nil {
		return nil, err
	}
	defer srv.Stop()

	pilot := newBare("pilot", keys, s.far)
	first := s.run(ctx, pilot, srv.URL, 0, d)
	pilot.close()
	if len(first.latencies) == 0 {
		return nil, fmt.Errorf("no request succeeds: %v", first.errors)
	}
	n := max(first.requests(), 10*s.workers)

	c := &comparison{scenario: s.name, workers: s.workers}
	variants := newVariants(keys, s.far)
	for _, v := range variants {
		defer v.close()
		c.rows = append(c.rows, &row{variant: v.name, kit: v.pool != nil, limit: v.limit, errors: make(map[string]int)})
	}
	for range rounds {
		for _, i := range rand.Perm(len(variants)) {
			c.rows[i].add(s.run(ctx, variants[i], srv.URL, n, 0))
			if ctx.Err() != nil {
				return nil, context.Cause(ctx)
			}
		}
	}
	for i, v := range variants {
		c.rows[i].finish(v)
	}
	return c, nil
}

func (r *row) add(s *slice) {
	r.requests += s.requests()
	r.rps = append(r.rps, s.perSecond())
	r.took = append(r.took, s.latencies...)
	for c, n := range s.errors {
		r.errors[c] += n
	}
}

func (r *row) finish(v *variant) {
	slices.Sort(r.took)
	if v.pool == nil {
		r.opened = int(v.opened.Load())
		return
	}
	st := v.atRest()
	r.opened = int(v.opened.Load())
	r.lost, r.counted = st.Lost, int(st.Opened)
	v.mu.Lock()
	defer v.mu.Unlock()
	r.reasons = maps.Clone(v.new)
}

func (c *comparison) row(variant string) *row {
	return c.rows[slices.IndexFunc(c.rows, func(r *row) bool { return r.variant == variant })]
}

// speed is the row's requests/s as a part of bare's: the median of the rounds,
// each by itself, so that a machine that gets slower does so for both.
func (c *comparison) speed(r *row) float64 {
	var ratios []float64
	for i, x := range r.rps {
		ratios = append(ratios, x/c.row(bare).rps[i])
	}
	return median(ratios)
}

// connections are the row's as a part of bare's.
func (c *comparison) connections(r *row) float64 {
	return float64(r.opened) / float64(c.row(bare).opened)
}

func median(xs []float64) float64 {
	xs = slices.Sorted(slices.Values(xs))
	n := len(xs)
	return (xs[(n-1)/2] + xs[n/2]) / 2
}

// percentile is the nearest-rank percentile of sorted values, 0 if there are
// none.
func percentile(sorted []time.Duration, p int) time.Duration {
	if len(sorted) == 0 {
		return 0
	}
	return sorted[max((len(sorted)*p+99)/100, 1)-1]
}
