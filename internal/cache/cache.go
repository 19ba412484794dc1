// Package cache keeps what would be made anew for most requests and is the same for
// them, of a bounded number of keys. Reading takes no lock; adding copies all.
package cache

import (
	"maps"
	"slices"
	"sync"
	"sync/atomic"
)

const (
	// Most bounds what one Map keeps.
	Most = 256
	// misses is how many were asked for in vain, of a Map that is full, before it
	// begins anew: what it holds may be of hosts that are gone. It is many, for to
	// fill it copies Most*Most/2 values: with 4 * Most, requests to 5000 hosts over a
	// stub took 14 µs, not 2.
	misses = 64 * Most
	// fewMost is how many a List keeps before it begins anew.
	fewMost = 32
)

// Map keeps values by key. Its zero value is empty. It is safe for concurrent use.
type Map[K comparable, V any] struct {
	// The first that was added, for good: of many programs it is the only one, and
	// to compare is faster than to hash.
	first  atomic.Pointer[pair[K, V]]
	all    atomic.Pointer[map[K]V]
	missed atomic.Int64
	mu     sync.Mutex // of those who add
}

// Of returns the value for k. If it is not there it is what made says, whether or not
// there is room for it: a value that must be the only one is not for a Map.
func (c *Map[K, V]) Of(k K, made func(K) V) V {
	if p := c.first.Load(); p != nil && p.key == k {
		return p.value
	}
	if m := c.all.Load(); m != nil {
		if v, ok := (*m)[k]; ok {
			return v
		}
	}
	v := made(k)
	if m := c.all.Load(); m != nil && len(*m) >= Most && c.missed.Add(1) < misses {
		return v
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.first.Load() == nil {
		c.first.Store(&pair[K, V]{k, v})
		return v
	}
	if p := c.first.Load(); p.key == k {
		return p.value // another was faster
	}
	var next map[K]V
	if m := c.all.Load(); m != nil && len(*m) < Most {
		if v, ok := (*m)[k]; ok {
			return v
		}
		next = maps.Clone(*m)
	}
	if next == nil {
		next = make(map[K]V)
	}
	c.missed.Store(0)
	next[k] = v
	c.all.Store(&next)
	return v
}

// List is a Map of which most hold one or two: to look at each is faster than to
// hash.
type List[K comparable, V any] struct {
	all atomic.Pointer[[]pair[K, V]]
	mu  sync.Mutex // of those who set
}

type pair[K comparable, V any] struct {
	key   K
	value V
}

// Get returns the value for k.
func (c *List[K, V]) Get(k K) (v V, ok bool) {
	if all := c.all.Load(); all != nil {
		for i := range *all {
			if p := &(*all)[i]; p.key == k {
				return p.value, true
			}
		}
	}
	return v, false
}

// Set makes v the value for k, and returns it.
func (c *List[K, V]) Set(k K, v V) V {
	c.mu.Lock()
	defer c.mu.Unlock()
	var next []pair[K, V]
	if all := c.all.Load(); all != nil && len(*all) < fewMost {
		next = slices.DeleteFunc(slices.Clone(*all), func(p pair[K, V]) bool { return p.key == k })
	}
	next = append(next, pair[K, V]{k, v})
	c.all.Store(&next)
	return v
}
