package ledger

import (
	"slices"
	"weak"
)

// SetInner notes that this ledger's exchanges are entered once more in inner: layers stand
// on both sides of foreign middleware. Both ledgers see the same connections, and inner
// knows them better. It is held by a weak pointer, for it may be the ledger of a clone
// that was dropped.
func (l *Ledger) SetInner(inner *Ledger) {
	if p := l.below.Load(); p != nil && p.Value() == inner {
		return
	}
	p := weak.Make(inner)
	l.below.Store(&p)
}

// ReportedByInner reports whether the inner ledger tells s of the connections, or a
// subscriber that is the same as s: then this ledger need not.
func (l *Ledger) ReportedByInner(s Subscriber) bool {
	p := l.below.Load()
	if p == nil {
		return false
	}
	inner := p.Value()
	if inner == nil {
		return false
	}
	all := inner.subscribers.Load()
	return all != nil && slices.ContainsFunc(*all, s.Same)
}
