package record

import (
	"runtime"
	"sync/atomic"
	"testing"
	"weak"
)

// BenchmarkWatch is what it costs to learn that a Body was dropped, with the
// ways that were not taken: a clean-up of the Body's own, a finalizer (not of
// the Body, which is a cycle: those never run), and a weak pointer, which
// nothing asks yet.
func BenchmarkWatch(b *testing.B) {
	l := &pipeline{reaper: new(reaper)}
	var keep [64]atomic.Pointer[Body] // makes it escape
	for _, v := range []struct {
		name string
		do   func(*Body, *Record)
	}{
		{"none", func(*Body, *Record) {}},
		{"sentinel", func(body *Body, r *Record) {
			body.sentinel.Store(l.reaper.watch(r))
			body.unwatch()
		}},
		{"cleanup", func(body *Body, r *Record) {
			runtime.AddCleanup(body, func(*Record) {}, r).Stop()
		}},
		{"finalizer", func(body *Body, _ *Record) {
			s := new(sentinel)
			runtime.SetFinalizer(s, func(*sentinel) {})
			body.sentinel.Store(s)
			runtime.SetFinalizer(s, nil)
		}},
		{"weak", func(body *Body, _ *Record) { weak.Make(body) }},
	} {
		b.Run(v.name, func(b *testing.B) {
			b.ReportAllocs()
			var workers atomic.Int32
			b.RunParallel(func(pb *testing.PB) {
				r := &Record{pipe: l}
				r.body.ended = true
				mine := &keep[workers.Add(1)%int32(len(keep))]
				for pb.Next() {
					body := &Body{record: r}
					mine.Store(body)
					v.do(body, r)
				}
			})
		})
	}
}
