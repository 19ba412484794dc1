package stack

import "testing"

func TestCloseDuringAReadIsLeftToReleasesThatBearIt(t *testing.T) {
	for version, want := range map[string]bool{
		"go1.27":                  false,
		"go1.27rc2":               false,
		"go1.27.0":                false,
		"go1.27.1":                false,
		"go1.27.1 X:nodwarf5":     false,
		"go1.27.2":                true,
		"go1.27.4 X:nodwarf5":     true,
		"go1.27.4-vendor.1":       true,
		"go1.27.10":               true,
		"go1.28rc1":               true,
		"devel go1.28-0123456789": true,
	} {
		if got := closesUnderRead(version); got != want {
			t.Errorf("%s: %v, want %v", version, got, want)
		}
	}
}
