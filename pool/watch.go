package pool

import (
	"slices"
	"sync/atomic"

	"github.com/warmconn/warmconn/internal/callsite"
	"github.com/warmconn/warmconn/internal/stack"
)

// watchers hear of each exchange: tests, see package pooltest, and a page that is looked at,
// see package poolz. Most Pools have none, and then an exchange pays for one look.
type watchers struct {
	list atomic.Pointer[[]*stack.Watcher]
}

// takeStacks reports whether one of them wants each exchange's stack.
func (ws *watchers) takeStacks() bool {
	list := ws.list.Load()
	return list != nil && slices.ContainsFunc(*list, func(w *stack.Watcher) bool { return w.Began != nil })
}

// change replaces the list; an empty one is nil.
func (ws *watchers) change(f func([]*stack.Watcher) []*stack.Watcher) {
	for {
		old := ws.list.Load()
		var list []*stack.Watcher
		if old != nil {
			list = slices.Clone(*old)
		}
		list = f(list)
		var p *[]*stack.Watcher
		if len(list) > 0 {
			p = &list
		}
		if ws.list.CompareAndSwap(old, p) {
			return
		}
	}
}

// began tells the watchers that x is about to be sent. Pcs is its stack; if it is nil, the
// stack is taken here.
func (ws *watchers) began(x *stack.Exchange, pcs []uintptr) {
	list := ws.list.Load()
	if list == nil {
		return
	}
	for _, w := range *list {
		if w.Began == nil {
			continue
		}
		if pcs == nil {
			pcs = callsite.Take(new([callsite.Depth]uintptr))
		}
		w.Began(x, pcs)
	}
}

func (ws *watchers) ended(x *stack.Exchange, f *stack.Facts, pcs []uintptr) {
	if list := ws.list.Load(); list != nil {
		for _, w := range *list {
			w.Ended(x, f, pcs)
		}
	}
}

// Watch implements stack.Watched.
func (t layer) Watch(w *stack.Watcher) (stop func()) {
	t.p.watchers.change(func(all []*stack.Watcher) []*stack.Watcher { return append(all, w) })
	return func() {
		t.p.watchers.change(func(all []*stack.Watcher) []*stack.Watcher {
			return slices.DeleteFunc(all, func(x *stack.Watcher) bool { return x == w })
		})
	}
}
