// Package eventually lets a test wait for an event that no channel and no hook tells
// of: something that a server, the kernel or the collector does.
package eventually

import (
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
