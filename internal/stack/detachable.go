package stack

import (
	"context"
	"sync/atomic"
)

// detachable is the caller's context in a form that can be cut off, so that an exchange can
// go on when the caller's context ends. A stack with drains in the background cuts it off
// when Close has returned: callers cancel then, by a deferred cancel or by http.Client's
// Timeout, and would break off every drain. See also detachAtLast.
//
// Package context links a derived context to the nearest parent of its own type, which it
// finds by Value. If it finds none, it uses the parent's AfterFunc. So Value returns nothing
// until the link is made.
type detachable struct {
	context.Context
	linked   atomic.Bool
	stop     func() bool
	detached bool // cut off; used by the closing goroutine alone, and by the drain's after it
}

type detachableKey struct{}

// deriveDetachable derives a context that can be cut off parent.
func deriveDetachable(parent context.Context) (*detachable, context.Context, context.CancelFunc) {
	l := &detachable{Context: parent}
	ctx, cancel := context.WithCancel(l)
	l.linked.Store(true)
	return l, ctx, cancel
}

func (l *detachable) Value(key any) any {
	if !l.linked.Load() {
		return nil
	}
	if key == (detachableKey{}) {
		return l
	}
	return l.Context.Value(key)
}

// AfterFunc is called once, by WithCancel.
func (l *detachable) AfterFunc(f func()) (stop func() bool) {
	l.stop = context.AfterFunc(l.Context, f)
	return l.stop
}

// detach ends the link, unless the parent has ended before.
func (l *detachable) detach() {
	l.detached = l.stop == nil || l.stop()
}
