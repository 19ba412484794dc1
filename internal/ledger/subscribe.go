package ledger

import (
	"slices"
	"time"
)

// Subscriber is told of connections' ends, which are between exchanges. It must not block.
// A connection reaches its subscribers: they must not hold an Exchange or a Body, or no
// leak would be found.
type Subscriber interface {
	// ConnClosed is called once for each connection whose close is seen, at that time.
	ConnClosed(ClosedConn)
	// Same reports whether both write into the same metrics: of such subscribers only
	// the first is told.
	Same(Subscriber) bool
}

// ClosedConn describes a connection that was closed.
type ClosedConn struct {
	Key     Key
	Peer    string // empty unless peers are counted
	Version Version
	Age     time.Duration
	Uses    int
}

// Subscribe has s told from now on. S must be comparable; subscribing it again does nothing.
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

// Unsubscribe ends that.
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

// IsFirstOfEquals reports whether s is the first of the subscribers that are the same as s.
func (l *Ledger) IsFirstOfEquals(s Subscriber) bool {
	all := l.subscribers.Load()
	return all != nil && isFirstOfEquals(*all, s)
}

func isFirstOfEquals(all []Subscriber, s Subscriber) bool {
	i := slices.IndexFunc(all, s.Same)
	return i >= 0 && all[i] == s
}

// TellClosed tells the subscribers that a connection was closed.
func (l *Ledger) TellClosed(life ClosedConn) {
	if all := l.subscribers.Load(); all != nil {
		for _, s := range *all {
			if isFirstOfEquals(*all, s) {
				s.ConnClosed(life)
			}
		}
	}
}
