package record

import (
	"context"
	"sync/atomic"
)

// leash is the caller's context as the exchange passes it down where it may have to
// let go of it and go on. A stack with drains in the background does when Close has
// returned: callers cancel then, by a deferred cancel or by http.Client's Timeout,
// and would break off every drain. And see letGoAtLast.
//
// Package context links a derived context to the nearest one of its own, found
// by Value, unless a parent has AfterFunc; so Value says nothing before that.
type leash struct {
	context.Context
	tied atomic.Bool
	stop func() bool
	gone bool // let go; the closing goroutine's own, and the drain's after it
}

type leashKey struct{}

// tie derives a context that can let go of parent.
func tie(parent context.Context) (*leash, context.Context, context.CancelFunc) {
	l := &leash{Context: parent}
	ctx, cancel := context.WithCancel(l)
	l.tied.Store(true)
	return l, ctx, cancel
}

func (l *leash) Value(key any) any {
	if !l.tied.Load() {
		return nil
	}
	if key == (leashKey{}) {
		return l
	}
	return l.Context.Value(key)
}

// AfterFunc is called once, by WithCancel.
func (l *leash) AfterFunc(f func()) (stop func() bool) {
	l.stop = context.AfterFunc(l.Context, f)
	return l.stop
}

// letGo ends the link, unless the parent has ended before.
func (l *leash) letGo() {
	l.gone = l.stop == nil || l.stop()
}
