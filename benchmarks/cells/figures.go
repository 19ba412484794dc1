package main

import (
	"math"
	"slices"
)

// figures are what is told of one stack, in a cell or of all: ratios to bare
// net/http, and allocations above it.
type figures struct{ wall, cpu, allocs float64 }

// row is one cell's: what bare net/http takes, in microseconds, and what each
// stack does to that.
type row struct {
	cell   cell
	bare   figures
	stacks []figures // in the order of the stacks, with bare net/http's
}

func (r *result) row() row {
	wall := func(s sample) float64 { return s.wall.Seconds() / float64(s.n) }
	cpu := func(s sample) float64 { return s.cpu.Seconds() / float64(s.n) }
	out := row{cell: r.cell}
	out.bare = figures{1e6 * median(each(r.took[0], wall)), 1e6 * median(each(r.took[0], cpu)), median(r.allocs[0])}
	for i := range r.took {
		var f figures
		f.wall = median(quotients(each(r.took[i], wall), each(r.took[0], wall)))
		f.cpu = median(quotients(each(r.took[i], cpu), each(r.took[0], cpu)))
		f.allocs = median(r.allocs[i]) - out.bare.allocs
		out.stacks = append(out.stacks, f)
	}
	return out
}

// over has f of stack i in each row, by f's own field.
func over(rows []row, i int, f func([]float64) float64) figures {
	var wall, cpu, allocs []float64
	for _, r := range rows {
		wall = append(wall, r.stacks[i].wall)
		cpu = append(cpu, r.stacks[i].cpu)
		allocs = append(allocs, r.stacks[i].allocs)
	}
	return figures{f(wall), f(cpu), f(allocs)}
}

// adds is what a stack adds to bare net/http: microseconds and allocations.
func (r row) adds(i int) figures {
	f := r.stacks[i]
	return figures{r.bare.wall * (f.wall - 1), r.bare.cpu * (f.cpu - 1), f.allocs}
}

// share is what stack i adds, divided by what stack to adds: the median over the
// cells, and all cells' together.
func share(rows []row, i, to int) (mid, all figures) {
	one := func(f func(figures) float64) (float64, float64) {
		var each []float64
		var mine, theirs float64
		for _, r := range rows {
			a, b := f(r.adds(i)), f(r.adds(to))
			if !(b > 0) {
				continue // nothing to compare with, but noise
			}
			each = append(each, a/b)
			mine += a
			theirs += b
		}
		return median(each), mine / theirs
	}
	mid.wall, all.wall = one(func(f figures) float64 { return f.wall })
	mid.cpu, all.cpu = one(func(f figures) float64 { return f.cpu })
	mid.allocs, all.allocs = one(func(f figures) float64 { return f.allocs })
	return mid, all
}

func each[T any](list []T, f func(T) float64) []float64 {
	out := make([]float64, len(list))
	for i, v := range list {
		out[i] = f(v)
	}
	return out
}

func quotients(a, b []float64) []float64 {
	out := make([]float64, len(a))
	for i := range a {
		out[i] = a[i] / b[i]
	}
	return out
}

// median is NaN of nothing.
func median(list []float64) float64 {
	if len(list) == 0 {
		return math.NaN()
	}
	list = slices.Sorted(slices.Values(list))
	return (list[(len(list)-1)/2] + list[len(list)/2]) / 2
}
