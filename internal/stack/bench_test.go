package stack

import (
	"runtime"
	"sync/atomic"
	"testing"
	"weak"
)

// BenchmarkWatch compares the cost of learning that a Body was dropped with the ways that
// were not taken: a clean-up of the Body's own; a finalizer (of another object: the Body is
// in a cycle, and finalizers of cycles never run); and a weak pointer, which no code polls
// here.
func BenchmarkWatch(b *testing.B) {
	l := &pipeline{reaper: new(reaper)}
	var keep [64]atomic.Pointer[Body] // makes it escape
	for _, v := range []struct {
		name string
		do   func(*Body, *Exchange)
	}{
		{"none", func(*Body, *Exchange) {}},
		{"sentinel", func(body *Body, r *Exchange) {
			body.sentinel.Store(l.reaper.watch(r))
			body.unwatch()
		}},
		{"cleanup", func(body *Body, r *Exchange) {
			runtime.AddCleanup(body, func(*Exchange) {}, r).Stop()
		}},
		{"finalizer", func(body *Body, _ *Exchange) {
			s := new(sentinel)
			runtime.SetFinalizer(s, func(*sentinel) {})
			body.sentinel.Store(s)
			runtime.SetFinalizer(s, nil)
		}},
		{"weak", func(body *Body, _ *Exchange) { weak.Make(body) }},
	} {
		b.Run(v.name, func(b *testing.B) {
			b.ReportAllocs()
			var workers atomic.Int32
			b.RunParallel(func(pb *testing.PB) {
				r := &Exchange{pipe: l}
				r.body.phase = bodyEnded
				mine := &keep[workers.Add(1)%int32(len(keep))]
				for pb.Next() {
					body := &Body{exchange: r}
					mine.Store(body)
					v.do(body, r)
				}
			})
		})
	}
}
