package roundtrippertest_test

import (
	"os"
	"runtime/debug"
	"testing"
)

// TestMain has the collector run less often: hundreds of tests with a few megabytes each would
// give it a tenth of their processor time. Tests that need a collection ask for it.
func TestMain(m *testing.M) {
	debug.SetGCPercent(400)
	os.Exit(m.Run())
}
