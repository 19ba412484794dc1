// Package eventually lets a test wait for what no channel and no hook tells:
// what a server, the kernel or the collector has done meanwhile.
package eventually

import (
	"testing"
	"time"
)

// limit is for a machine that does a lot else.
const limit = 20 * time.Second

// most is the longest pause between two looks: some are collections of the whole heap.
const most = 20 * time.Millisecond

// True waits until ok says so, and ends the test if it does not in time. What
// says what for.
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
