package main

import (
	"context"
	"io"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/warmconn/warmconn/internal/testserver"
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

// TestTheHerdRowHolds on a fake clock: on a busy machine a handshake may take longer than the
// herd waits for it.
func TestTheHerdRowHolds(t *testing.T) {
	for _, proto := range []string{"tls", "h2"} {
		synctest.Test(t, func(t *testing.T) {
			defer time.Sleep(time.Second) // for bytes on their way
			if r := herdOver(t.Context(), after, proto, testserver.Options{Memory: true}); r.wrong != "" {
				t.Errorf("%s: %s", r.proto, r.wrong)
			}
		})
	}
}
