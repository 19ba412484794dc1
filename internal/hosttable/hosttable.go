// Package hosttable keeps one value for each host, in bounded memory: values that
// are not in use are forgotten when others need their place.
package hosttable

import (
	"hash/maphash"
	"sync"

	"github.com/warmconn/warmconn/internal/lockorder"
)

// Forgetter is a value that can tell whether it is in use.
type Forgetter interface {
	// Forget reports whether the value may be forgotten. If so, it marks the value: a
	// caller that has looked it up before must look again. It must not call the Table.
	Forget() bool
}

// Table finds values by key. R is the place of its locks in the order of locks. Its zero
// value is ready for use, by any number of goroutines.
type Table[K comparable, V Forgetter, R lockorder.Rank] struct {
	once   sync.Once
	seed   maphash.Seed
	shards [Shards]shard[K, V, R]
}

const (
	// Shards is the number of locks of a Table.
	Shards = 32
	// SweepFrom is the number of values that a shard holds before it looks for some to
	// forget.
	SweepFrom = 64
)

type shard[K comparable, V Forgetter, R lockorder.Rank] struct {
	mu     lockorder.Mutex[R]
	values map[K]V
	// sweepAt is the size at which the next sweep is due: twice the size that the last
	// one left, so that the cost of sweeps is amortized.
	sweepAt int
}

func (t *Table[K, V, R]) shard(hash string) *shard[K, V, R] {
	t.once.Do(func() { t.seed = maphash.MakeSeed() })
	return &t.shards[maphash.String(t.seed, hash)%Shards]
}

// Get returns the value for k, if there is one. Hash is a part of k by which most keys
// differ.
func (t *Table[K, V, R]) Get(k K, hash string) (V, bool) {
	s := t.shard(hash)
	s.mu.Lock()
	defer s.mu.Unlock()
	v, ok := s.values[k]
	return v, ok
}

// Of returns the value for k. If there is none, it calls made and keeps the result. Made
// runs under a lock, and must not call the Table. Hash is as in Get.
func (t *Table[K, V, R]) Of(k K, hash string, made func() V) V {
	s := t.shard(hash)
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
func (s *shard[K, V, R]) sweepLocked() {
	if s.values == nil {
		s.values = make(map[K]V)
		s.sweepAt = SweepFrom
	}
	if len(s.values) < s.sweepAt {
		return
	}
	for k, v := range s.values {
		if v.Forget() {
			delete(s.values, k)
		}
	}
	s.sweepAt = max(SweepFrom, 2*len(s.values))
}

// Each calls f for each value. The Table's locks are not held then, so a value may be
// forgotten before f is called for it.
func (t *Table[K, V, R]) Each(f func(V)) {
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
