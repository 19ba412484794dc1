// Package eventually lets a test wait for an event that no channel and no hook tells
// of: something that a server, the kernel or the collector does.
package eventually

import (
	"runtime"
	"testing"
	"time"
)

// limit is for a busy machine.
const limit = 20 * time.Second

// most is the longest pause between two calls of ok: some of these are collections of the
// whole heap.
const most = 20 * time.Millisecond

// True waits until ok returns true, and ends the test if that takes too long. What names
// the event.
func True(t testing.TB, what string, ok func() bool) {
	t.Helper()
	pause := time.Millisecond
	for deadline := time.Now().Add(limit); !ok(); pause = min(pause*5/4, most) {
		if time.Now().After(deadline) {
			t.Fatalf("waited in vain for %s", what)
		}
		time.Sleep(pause)
	}
}

// Collected is True for an event that a collection of the heap brings about. Some calls of ok
// have one before them: the first, every second one of the next few, and then one in four. For
// what a collection has found is told a moment after it, and each takes milliseconds of both
// processors: the heap is that of all tests that run beside, and is swept one span at a time.
func Collected(t testing.TB, what string, ok func() bool) {
	t.Helper()
	calls := 0
	True(t, what, func() bool {
		if calls++; calls <= 5 && calls%2 == 1 || calls%4 == 0 {
			runtime.GC()
		}
		return ok()
	})
}
