package poolprom

import (
	"github.com/warmconn/warmconn/pool"
	"github.com/warmconn/warmconn/roundtripper"
)

// row is all that only rises, of a host or of all, in the units of Stats.
type row struct {
	n         [len(counters)]uint64
	new, lost words
}

// words are counts by reason.
type words map[roundtripper.NewReason]uint64

func rowOf(h *pool.HostStats) row {
	r := row{new: h.New, lost: h.Lost}
	for i := range counters {
		r.n[i] = counters[i].of(h)
	}
	return r
}

// each calls f with each figure of r and the same of o, and puts what it returns
// into a new row.
func (r row) each(o row, f func(a, b uint64) uint64) row {
	out := row{new: r.new.each(o.new, f), lost: r.lost.each(o.lost, f)}
	for i := range r.n {
		out.n[i] = f(r.n[i], o.n[i])
	}
	return out
}

// each is that of row. A word that both have is asked for twice, with one answer.
func (w words) each(o words, f func(a, b uint64) uint64) words {
	out := make(words, len(w))
	for _, from := range []words{w, o} {
		for word := range from {
			if n := f(w[word], o[word]); n > 0 {
				out[word] = n
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

// where has the figures of r where o is not 0.
func (r row) where(o row) row { return r.each(o, func(a, b uint64) uint64 { return a * min(b, 1) }) }

func (r row) isZero() bool {
	return r.n == [len(counters)]uint64{} && len(r.new) == 0 && len(r.lost) == 0
}
