package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"time"
)

// lab runs cells under policies.
type lab struct {
	policies []policy
	rounds   int
	seed     uint64
	budget   time.Duration
	fewest   int // requests of a trial, unless it runs out of time
	show     func(format string, args ...any)
	began    time.Time
}

// bench is what the lab has of one cell.
type bench struct {
	cell
	estimate
	requests int           // of each trial
	most     time.Duration // for one trial

	base []trial   // of requests without a body: each round's
	runs [][]trial // by policy; empty where its cost is infinite
}

// run measures all cells, and keeps within the budget as far as it can tell
// beforehand. Every cell has two rounds; more are skipped when no time is
// left.
func (l *lab) run(ctx context.Context, cells []cell) ([]*bench, error) {
	l.began = time.Now()
	benches := make([]*bench, len(cells))
	for i, c := range cells {
		benches[i] = &bench{cell: c, runs: make([][]trial, len(l.policies))}
	}
	stages := stagesOf(benches)
	if err := l.each(ctx, stages, 0, "pilot", l.pilot); err != nil {
		return nil, err
	}
	l.plan(stages)
	for round := range l.rounds {
		name := fmt.Sprintf("round %d of %d", round+1, l.rounds)
		err := l.each(ctx, stages, round, name, func(ctx context.Context, b *bench, rnd *rand.Rand) error {
			if round > 1 && time.Since(l.began) > l.budget {
				return nil
			}
			return l.visit(ctx, b, rnd)
		})
		if err != nil {
			return nil, err
		}
	}
	return benches, nil
}

// each takes all cells through do, stage by stage, in random order.
func (l *lab) each(ctx context.Context, stages []stage, round int, name string, do func(context.Context, *bench, *rand.Rand) error) error {
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	for i, s := range stages {
		rnd := rand.New(rand.NewPCG(l.seed, uint64(round)<<8|uint64(i)))
		queue := make(chan *bench, len(s.benches))
		seeds := make(map[*bench]uint64)
		for _, j := range rnd.Perm(len(s.benches)) {
			seeds[s.benches[j]] = rnd.Uint64()
			queue <- s.benches[j]
		}
		close(queue)
		var wg sync.WaitGroup
		for range s.lanes {
			wg.Go(func() {
				for b := range queue {
					if ctx.Err() != nil {
						return
					}
					l.show("%s: %s", name, b.cell)
					if err := do(ctx, b, rand.New(rand.NewPCG(l.seed, seeds[b]))); err != nil {
						stop(fmt.Errorf("%s: %w", b.cell, err))
					}
				}
			})
		}
		wg.Wait()
	}
	return context.Cause(ctx)
}

// visit runs a trial of each policy, in random order, and one of requests
// without a body.
func (l *lab) visit(ctx context.Context, b *bench, rnd *rand.Rand) error {
	s, err := b.build()
	if err != nil {
		return err
	}
	defer s.close()
	for _, i := range rnd.Perm(len(l.policies) + 1) {
		if i == len(l.policies) {
			t, err := s.try(ctx, l.policies[0], emptyPath, b.requests, b.most)
			if err != nil {
				return err
			}
			b.base = append(b.base, t)
			continue
		}
		p := l.policies[i]
		if p.unbounded && b.endless() {
			continue
		}
		t, err := s.try(ctx, p, bodyPath, b.requests, b.most)
		if err != nil {
			return fmt.Errorf("%s: %w", p.name, err)
		}
		b.runs[i] = append(b.runs[i], t)
	}
	return nil
}

// index is the place of one of the policies that are always there.
func (l *lab) index(name string) int {
	return slices.IndexFunc(l.policies, func(p policy) bool { return p.name == name })
}
