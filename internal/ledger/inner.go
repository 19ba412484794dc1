package ledger

import (
	"slices"
	"weak"
)

// SetInner notes that exchanges of this ledger are made over again in another one:
// layers stand on both sides of foreign middleware. The connections that
// this one sees are the other's, which knows them better. It holds it weakly, for
// that one may be of a clone that was dropped.
func (l *Ledger) SetInner(inner *Ledger) {
	if p := l.below.Load(); p != nil && p.Value() == inner {
		return
	}
	p := weak.Make(inner)
	l.below.Store(&p)
}

// ReportedByInner reports whether what this ledger sees of connections is told to s, or
// to one that is the same, by the ledger below.
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
