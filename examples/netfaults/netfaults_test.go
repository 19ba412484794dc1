package main

import (
	"context"
	"io"
	"strings"
	"testing"
)

// TestARowThatDoesNotHoldFails: what the rows themselves show is for the program, which
// takes half a minute.
func TestARowThatDoesNotHoldFails(t *testing.T) {
	show := func(wrong string) []fault {
		return []fault{{"a fault", func(_ context.Context, variant string) []*row {
			r := &row{proto: "http", requests: 7}
			r.check(variant == before || wrong == "", "%s", wrong)
			return []*row{r}
		}}}
	}
	for _, wrong := range []string{"", "too many connections"} {
		var out strings.Builder
		code := run(t.Context(), show(wrong), &out, io.Discard)
		if failed := code == 1; failed != (wrong != "") || strings.Contains(out.String(), "FAIL: "+wrong) != failed {
			t.Errorf("exit code %d, and\n%s", code, out.String())
		}
	}
}

// TestTheHerdRowHolds is the one that takes no time.
func TestTheHerdRowHolds(t *testing.T) {
	for _, r := range herd(t.Context(), after) {
		if r.wrong != "" {
			t.Errorf("%s: %s", r.proto, r.wrong)
		}
	}
}
