package ledger

import (
	"slices"
	"time"
)

// Subscriber is told what happens between exchanges. It must not hold what a
// connection must not reach, and must not block.
type Subscriber interface {
	// ConnClosed is called once for each connection that is known to be closed, when it is closed.
	ConnClosed(ClosedConn)
	// Same reports whether both write into the same books: of such, only the
	// first is told.
	Same(Subscriber) bool
}

// ClosedConn is what there was of a connection.
type ClosedConn struct {
	Key     Key
	Peer    string // empty if they are not counted
	Version Version
	Age     time.Duration
	Uses    int
}

// Subscribe has s, which must be comparable, told from now on; once only.
func (l *Ledger) Subscribe(s Subscriber) {
	for {
		old := l.subscribers.Load()
		var all []Subscriber
		if old != nil {
			all = *old
		}
		if slices.Contains(all, s) {
			return
		}
		all = append(slices.Clip(all), s)
		if l.subscribers.CompareAndSwap(old, &all) {
			return
		}
	}
}

// Unsubscribe has s told no more.
func (l *Ledger) Unsubscribe(s Subscriber) {
	for {
		old := l.subscribers.Load()
		if old == nil {
			return
		}
		all := slices.DeleteFunc(slices.Clone(*old), func(x Subscriber) bool { return x == s })
		if l.subscribers.CompareAndSwap(old, &all) {
			return
		}
	}
}

// IsFirstOfEquals reports whether s is the first of those that are the same.
func (l *Ledger) IsFirstOfEquals(s Subscriber) bool {
	all := l.subscribers.Load()
	return all != nil && isFirstOfEquals(*all, s)
}

func isFirstOfEquals(all []Subscriber, s Subscriber) bool {
	i := slices.IndexFunc(all, s.Same)
	return i >= 0 && all[i] == s
}

// TellClosed tells the subscribers of a connection that was closed.
func (l *Ledger) TellClosed(life ClosedConn) {
	if all := l.subscribers.Load(); all != nil {
		for _, s := range *all {
			if isFirstOfEquals(*all, s) {
				s.ConnClosed(life)
			}
		}
	}
}
