package stack

import (
	"context"
	"sync/atomic"
)

// detachable is the caller's context as the exchange passes it down where it may have to
// let go of it and go on. A stack with drains in the background does when Close has
// returned: callers cancel then, by a deferred cancel or by http.Client's Timeout,
// and would break off every drain. And see detachAtLast.
//
// Package context links a derived context to the nearest one of its own, found
// by Value, unless a parent has AfterFunc; so Value says nothing before that.
type detachable struct {
	context.Context
	linked   atomic.Bool
	stop     func() bool
	detached bool // let go; the closing goroutine's own, and the drain's after it
}

type detachableKey struct{}

// deriveDetachable derives a context that can let go of parent.
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
