package ledger

import (
	"runtime"
	"testing"
	"time"
	"weak"

	"github.com/warmconn/warmconn/internal/eventually"
)

// A program that drops its clients must not pay for each until MaxAge.
func TestClockKeepsNoHostWithoutConnections(t *testing.T) {
	dropped := func() weak.Pointer[Ledger] {
		l := New(nil, Watched)
		l.Keep(Keep{Private: true, MaxAge: time.Hour})
		u := asking(l)
		c := dial(t, u, 0)
		u.Got(c, false, false, time.Now())
		u.Put("")
		u.End("", false, time.Now())
		c.line.close()
		return weak.Make(l)
	}()
	eventually.True(t, "the ledger is collected", func() bool {
		runtime.GC()
		return dropped.Value() == nil
	})
}
