package pool

import "time"

// What package poolz asks for, beside what is exported. It gets at the layer as package
// pooltest does, by stack.LayerOf.

// Closed reports whether the Pool was closed.
func (t layer) Closed() bool { return t.p.closed.Load() }

// Tracks reports whether InFlight has requests to list.
func (t layer) Tracks() bool { return t.p.tracks() }

// LookForChurn has places found that make a transport for each request, as where OnLeak is set.
func (t layer) LookForChurn() { t.p.bases.builds.wanted.Store(true) }

// ConnsTo is Pool.Conns for one host, and most of them at most; the kernel is asked of these.
func (t layer) ConnsTo(host string, most int) []ConnInfo { return t.p.conns(host, most) }

// OldestInFlight is Pool.InFlight for one host, or all if its name is empty, and most of them
// at most.
func (t layer) OldestInFlight(host string, most int) []Request { return t.p.inFlight(host, most) }

// EachLeak calls f for each place that has leaked, the latest first: with its last leak, how
// many there were, and when the first and the last.
func (t layer) EachLeak(f func(l Leak, n int, first, last time.Time)) {
	for _, s := range t.p.leaks.list() {
		f(s.leak(), s.n, s.first, s.last)
	}
}
