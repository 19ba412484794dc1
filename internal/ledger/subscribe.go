package ledger

import (
	"slices"
	"time"
)

// Subscriber is told what happens between exchanges. It must not hold what a
// connection must not reach, and must not block.
type Subscriber interface {
	// ConnClosed is called once for each watched connection, when it is closed.
	ConnClosed(Life)
}

// Life is what there was of a connection.
type Life struct {
	Key  Key
	Peer string // empty if nobody counts them
	Age  time.Duration
	Uses int
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

func (l *Ledger) closed(life Life) {
	if all := l.subscribers.Load(); all != nil {
		for _, s := range *all {
			s.ConnClosed(life)
		}
	}
}
