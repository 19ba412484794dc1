// Package cache keeps what would be made anew for most requests and is the same for
// them, of a bounded number of keys. Reading takes no lock; adding copies all, of a
// Map at each 16th.
package cache

import (
	"maps"
	"sync"
	"sync/atomic"
)

const (
	// Most bounds what one Map keeps.
	Most = 256
	// misses is how many were asked for in vain, of a Map that is full, before it
	// begins anew: what it holds may be of hosts that are gone. It is many, for to
	// fill it copies Most*Most/32 values.
	misses = 64 * Most
	// fewMost is how many a List keeps before it begins anew.
	fewMost = 32
)

// recentMost is how many are added before all are copied.
const recentMost = 16

// Map keeps values by key. Its zero value is empty. It is safe for concurrent use.
type Map[K comparable, V any] struct {
	// The first that was added, for good: of many programs it is the only one, and
	// to compare is faster than to hash.
	first atomic.Pointer[pair[K, V]]
	// What was added since all was copied. It is read before all, where its values
	// go: they are in one of the two.
	recent atomic.Pointer[node[K, V]]
	all    atomic.Pointer[map[K]V]
	missed atomic.Int64
	mu     sync.Mutex // of those who add
}

// Of returns the value for k. If it is not there it is what made says, whether or not
// there is room for it: a value that must be the only one is not for a Map.
func (c *Map[K, V]) Of(k K, made func(K) V) V {
	v, n, ok := c.get(k)
	if ok {
		return v
	}
	v = made(k)
	if n >= Most && c.missed.Add(1) < misses {
		return v
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.first.Load() == nil {
		c.first.Store(&pair[K, V]{k, v})
		return v
	}
	old, n, ok := c.get(k)
	switch {
	case ok: // another was faster
		return old
	case n >= Most:
		c.recent.Store(nil)
		c.all.Store(nil)
	}
	c.missed.Store(0)
	c.addLocked(k, v)
	return v
}

// get returns what is kept for k, and how many there are beside the first.
func (c *Map[K, V]) get(k K) (v V, n int, ok bool) {
	if p := c.first.Load(); p != nil && p.key == k {
		return p.value, 0, true
	}
	recent := c.recent.Load()
	if m := c.all.Load(); m != nil {
		if v, ok := (*m)[k]; ok {
			return v, 0, true
		}
		n = len(*m)
	}
	v, ok = recent.get(k)
	return v, n + recent.length(), ok
}

// addLocked adds what is not there.
func (c *Map[K, V]) addLocked(k K, v V) {
	added := c.recent.Load().push(k, v)
	if added.len < recentMost {
		c.recent.Store(&added)
		return
	}
	next := make(map[K]V)
	if m := c.all.Load(); m != nil {
		next = maps.Clone(*m)
	}
	for n := &added; n != nil; n = n.next {
		next[n.key] = n.value
	}
	c.all.Store(&next)
	c.recent.Store(nil)
}

// List is a Map of which most hold one or two: to look at each is faster than to
// hash.
type List[K comparable, V any] struct {
	last  atomic.Pointer[node[K, V]]
	mu    sync.Mutex // of those who set
	taken bool       // first is, for good
	first node[K, V]
}

type pair[K comparable, V any] struct {
	key   K
	value V
}

// node does not change. It is one allocation for what is added, and none for the
// first: a host that is met for the first time pays for each.
type node[K comparable, V any] struct {
	pair[K, V]
	next *node[K, V]
	len  int // with those behind it
}

// Get returns the value for k.
func (c *List[K, V]) Get(k K) (v V, ok bool) {
	return c.last.Load().get(k)
}

// Set makes v the value for k, and returns it.
func (c *List[K, V]) Set(k K, v V) V {
	c.mu.Lock()
	defer c.mu.Unlock()
	next := c.last.Load().without(k)
	if next != nil && next.len >= fewMost {
		next = nil
	}
	n := next.push(k, v)
	if !c.taken {
		c.taken, c.first = true, n
		c.last.Store(&c.first)
	} else {
		added := n
		c.last.Store(&added)
	}
	return v
}

func (n *node[K, V]) get(k K) (v V, ok bool) {
	for ; n != nil; n = n.next {
		if n.key == k {
			return n.value, true
		}
	}
	return v, false
}

func (n *node[K, V]) length() int {
	if n == nil {
		return 0
	}
	return n.len
}

// push is one more before the list.
func (n *node[K, V]) push(k K, v V) node[K, V] {
	return node[K, V]{pair[K, V]{k, v}, n, 1 + n.length()}
}

// without is the list without k: itself if that is not in it.
func (n *node[K, V]) without(k K) *node[K, V] {
	switch {
	case n == nil:
		return nil
	case n.key == k:
		return n.next
	}
	rest := n.next.without(k)
	if rest != n.next {
		again := rest.push(n.key, n.value)
		return &again
	}
	return n
}
