// Package eventually lets a test wait for what no channel and no hook tells:
// what a server, the kernel or the collector has done meanwhile.
package eventually

import (
	"testing"
	"time"
)

// limit is for a machine that does a lot else.
const limit = 20 * time.Second

// True waits until ok says so, and ends the test if it does not in time. What
// says what for.
func True(t testing.TB, what string, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(limit); !ok(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("waited in vain for %s", what)
		}
	}
}
