package pool

import (
	"slices"
	"sync/atomic"

	"github.com/warmconn/warmconn/internal/callsite"
	"github.com/warmconn/warmconn/internal/stack"
)

// watchers are tests that hear of each exchange: see package pooltest. Most Pools have
// none, and then an exchange pays for one look.
type watchers struct {
	list atomic.Pointer[[]*stack.Watcher]
}

func (ws *watchers) any() bool { return ws.list.Load() != nil }

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
	if pcs == nil {
		pcs = callsite.Take(new([callsite.Depth]uintptr))
	}
	for _, w := range *list {
		w.Began(x, pcs)
	}
}

func (ws *watchers) ended(x *stack.Exchange) {
	if list := ws.list.Load(); list != nil {
		for _, w := range *list {
			w.Ended(x)
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
