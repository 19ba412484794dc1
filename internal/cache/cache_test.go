package cache

import (
	"sync"
	"testing"
)

// A million keys leave no more than Most values behind, and a key that is asked for often is
// kept again once others have gone.
func TestMapIsBounded(t *testing.T) {
	var c Map[int, int]
	made := 0
	of := func(k int) {
		if v := c.Of(k, func(k int) int { made++; return -k }); v != -k {
			t.Fatalf("%d: %d", k, v)
		}
	}
	for k := range 1_000_000 {
		of(k)
		if _, n, _ := c.get(-2); n > Most {
			t.Fatalf("%d values after %d keys", n, k+1)
		}
	}
	for range 2 * misses { // at the latest now there is room
		of(-1)
	}
	made = 0
	of(-1)
	if made != 0 {
		t.Error("a key that was asked for all the time is not kept")
	}
}

// With very many keys, values must be added so rarely that the copies cost next to nothing.
func TestManyKeysAreSeldomCopied(t *testing.T) {
	const keys = 100_000
	var c Map[int, int]
	copied := 0
	last := c.all.Load()
	for k := range keys {
		c.Of(k, func(k int) int { return k })
		if m := c.all.Load(); m != last {
			if m != nil {
				copied += len(*m)
			}
			last = m
		}
	}
	if copied > keys/2 {
		t.Errorf("%d values were copied for %d keys", copied, keys)
	}
}

func TestListIsBounded(t *testing.T) {
	var c List[int, int]
	for k := range 1000 {
		c.Set(k, k)
		c.Set(k, -k)
		if v, ok := c.Get(k); !ok || v != -k {
			t.Fatalf("%d: %d, %v; want the last that was set", k, v, ok)
		}
		if n := c.last.Load().len; n > fewMost {
			t.Fatalf("%d values", n)
		}
	}
}

// A value stays when others are set beside it, or in the place of another.
func TestListKeepsTheOthers(t *testing.T) {
	var c List[int, int]
	for k := range 5 {
		c.Set(k, k)
	}
	for _, k := range []int{0, 4, 2, 2} { // the first, the last, and one between
		c.Set(k, 10+k)
	}
	for k, want := range []int{10, 1, 12, 3, 14} {
		if v, ok := c.Get(k); !ok || v != want {
			t.Errorf("%d: %d, %v; want %d", k, v, ok, want)
		}
	}
	if n := c.last.Load().len; n != 5 {
		t.Errorf("%d values, want 5", n)
	}
}

// The first value of a List costs no allocation beside the List's.
func TestFirstOfAListTakesNoAllocation(t *testing.T) {
	var last *List[int, *int]
	v := new(int)
	if n := testing.AllocsPerRun(100, func() { last = new(List[int, *int]); last.Set(1, v) }); n != 1 {
		t.Errorf("%v allocations for a List and its first value, want 1", n)
	}
	if got, _ := last.Get(1); got != v {
		t.Error("it is lost")
	}
}

func TestConcurrentUse(t *testing.T) {
	var m Map[int, int]
	var l List[int, int]
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for i := range 5000 {
				k := i % (2 * Most)
				if m.Of(k, func(k int) int { return k }) != k {
					t.Error("another key's value")
				}
				if v, ok := l.Get(i % 50); ok && v != i%50 {
					t.Error("another key's value")
				}
				l.Set(i%50, i%50)
			}
		})
	}
	wg.Wait()
}

func BenchmarkGet(b *testing.B) {
	var m Map[string, int]
	var l List[string, int]
	m.Of("GET", func(string) int { return 1 })
	l.Set("GET", 1)
	b.Run("map", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			m.Of("GET", func(string) int { return 1 })
		}
	})
	b.Run("list", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			l.Get("GET")
		}
	})
}
