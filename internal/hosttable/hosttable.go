// Package hosttable keeps one value for each host, in bounded memory: values that
// are not in use are forgotten when others need their place.
package hosttable

import (
	"hash/maphash"
	"sync"
)

// Forgetter is a value that can say whether it is in use.
type Forgetter interface {
	// Forget reports whether the value may be forgotten, and marks it as forgotten
	// if so: whoever has it must find it again. It must not call the Table.
	Forget() bool
}

// Table finds values by key. Its zero value is ready for use, by any number of
// goroutines.
type Table[K comparable, V Forgetter] struct {
	once   sync.Once
	seed   maphash.Seed
	shards [shards]shard[K, V]
}

const (
	shards = 32
	// sweepFrom is how many values a shard holds before it looks for some to
	// forget.
	sweepFrom = 64
)

type shard[K comparable, V Forgetter] struct {
	mu     sync.Mutex
	values map[K]V
	// sweepAt is the size at which the next sweep is worth it: twice what the
	// last one left, so that sweeping stays amortized.
	sweepAt int
}

// Of returns the value for k, or what made returns, which is then kept. Made runs
// under a lock, and must not call the Table. Hash is a part of k that tells most
// keys apart.
func (t *Table[K, V]) Of(k K, hash string, made func() V) V {
	t.once.Do(func() { t.seed = maphash.MakeSeed() })
	s := &t.shards[maphash.String(t.seed, hash)%shards]
	s.mu.Lock()
	defer s.mu.Unlock()
	v, ok := s.values[k]
	if !ok {
		s.sweepLocked()
		v = made()
		s.values[k] = v
	}
	return v
}

// sweepLocked makes room for one more value.
func (s *shard[K, V]) sweepLocked() {
	if s.values == nil {
		s.values = make(map[K]V)
		s.sweepAt = sweepFrom
	}
	if len(s.values) < s.sweepAt {
		return
	}
	for k, v := range s.values {
		if v.Forget() {
			delete(s.values, k)
		}
	}
	s.sweepAt = max(sweepFrom, 2*len(s.values))
}

// Each calls f for all values, also those that are forgotten meanwhile, under no
// lock of the Table's.
func (t *Table[K, V]) Each(f func(V)) {
	for i := range t.shards {
		s := &t.shards[i]
		s.mu.Lock()
		all := make([]V, 0, len(s.values))
		for _, v := range s.values {
			all = append(all, v)
		}
		s.mu.Unlock()
		for _, v := range all {
			f(v)
		}
	}
}
