package poolprom

import (
	"maps"

	"github.com/warmconn/warmconn/pool"
	"github.com/warmconn/warmconn/roundtripper"
)

// row is all that only rises, of a host or of all, in the units of Stats.
type row struct {
	n      [len(counters)]uint64
	opened uint64
	lost   map[roundtripper.NewReason]uint64
}

func rowOf(c *pool.Counters, opened uint64, lost map[roundtripper.NewReason]uint64) row {
	r := row{opened: opened, lost: lost}
	for i := range counters {
		r.n[i] = counters[i].of(c)
	}
	return r
}

// each calls f with each figure of r and the same of o, and puts what it returns
// into a new row.
func (r row) each(o row, f func(a, b uint64) uint64) row {
	out := row{opened: f(r.opened, o.opened), lost: make(map[roundtripper.NewReason]uint64, len(r.lost))}
	for i := range r.n {
		out.n[i] = f(r.n[i], o.n[i])
	}
	for _, words := range []map[roundtripper.NewReason]uint64{r.lost, o.lost} {
		for word := range maps.Keys(words) {
			if n := f(r.lost[word], o.lost[word]); n > 0 {
				out.lost[word] = n
			}
		}
	}
	return out
}

func (r row) plus(o row) row { return r.each(o, func(a, b uint64) uint64 { return a + b }) }

// less is r - o, and 0 where that would be less.
func (r row) less(o row) row {
	return r.each(o, func(a, b uint64) uint64 { return a - min(a, b) })
}

func (r row) atLeast(o row) row { return r.each(o, func(a, b uint64) uint64 { return max(a, b) }) }

// fellFrom says whether any figure is below that of o.
func (r row) fellFrom(o row) bool {
	fell := false
	r.each(o, func(a, b uint64) uint64 {
		fell = fell || a < b
		return 0
	})
	return fell
}

func (r row) isZero() bool {
	return r.n == [len(counters)]uint64{} && r.opened == 0 && len(r.lost) == 0
}
