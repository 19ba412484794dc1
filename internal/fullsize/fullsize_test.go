package fullsize_test

import (
	"testing"

	"github.com/warmconn/warmconn/internal/fullsize"
)

func TestAskedOnlyWhereTheVariableIsSet(t *testing.T) {
	for value, want := range map[string]bool{"": false, "0": false, "1": true, "yes": true} {
		t.Setenv("WARMCONN_FULL", value)
		if got := fullsize.Asked(); got != want {
			t.Errorf("%q: %v", value, got)
		}
	}
}
