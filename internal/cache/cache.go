// Package cache keeps values that most requests need and that are the same for many of
// them, for a bounded number of keys. There are two kinds:
//
//   - a Map holds up to some hundred keys;
//   - a List holds few, mostly one or two.
//
// Reading takes no lock. Adding copies the List, and with each 16th value the Map.
package cache

import (
	"maps"
	"sync"
	"sync/atomic"
)

const (
	// Most bounds the values that one Map keeps.
	Most = 256
	// misses is the number of values that a full Map was asked for in vain before it
	// begins anew: its hosts may be gone. It is large because filling a Map copies
	// Most*Most/32 values.
	misses = 64 * Most
	// fewMost is the number of values that a List keeps before it begins anew.
	fewMost = 32
)

// recentMost is the number of values that are added to a Map before all are copied.
const recentMost = 16

// Map keeps values by key. Its zero value is empty. It is safe for concurrent use.
type Map[K comparable, V any] struct {
	// first is the value added first. It is kept for good: in many programs it is the
	// only one, and comparing one key is faster than hashing it.
	first atomic.Pointer[pair[K, V]]
	// recent holds the values added since all was copied. A reader loads it before all:
	// values move from recent to all, so it finds each in one of the two.
	recent atomic.Pointer[node[K, V]]
	all    atomic.Pointer[map[K]V]
	missed atomic.Int64
	mu     sync.Mutex // held by Of while it adds
}

// Of returns the value for k. If there is none it returns made(k), and keeps that if there
// is room. A value may be made more than once: do not use a Map for values that must be
// unique.
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
	case ok: // another goroutine was faster
		return old
	case n >= Most:
		c.recent.Store(nil)
		c.all.Store(nil)
	}
	c.missed.Store(0)
	c.addLocked(k, v)
	return v
}

// get returns the value for k, if there is one. If there is none, n is the number of values
// beside the first.
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

// addLocked adds a value for k, which has none.
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

// List keeps values by key, too, and most Lists hold one or two: comparing each key is
// faster than hashing. Its zero value is empty. It is safe for concurrent use.
type List[K comparable, V any] struct {
	last  atomic.Pointer[node[K, V]]
	mu    sync.Mutex // held by Set
	taken bool       // first was used once, and is not used again
	first node[K, V]
}

type pair[K comparable, V any] struct {
	key   K
	value V
}

// node is one value in a linked list. It does not change. Adding a value allocates one
// node, and none for the first of a List: each allocation is a cost of a new host.
type node[K comparable, V any] struct {
	pair[K, V]
	next *node[K, V]
	len  int // of the list from this node on
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

// push returns a node for one more value, in front of the list n.
func (n *node[K, V]) push(k K, v V) node[K, V] {
	return node[K, V]{pair[K, V]{k, v}, n, 1 + n.length()}
}

// without returns the list without k: n itself if k is not in it.
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
