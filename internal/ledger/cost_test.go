package ledger

import (
	"testing"
	"testing/synctest"
	"time"
)

// A connection's cost is the time from GetConn to GotConn, of exchanges that were given
// their own dial.
func TestCostIsOfExchangesOwnDials(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := New(nil)
		u, c := asks(l), another()
		time.Sleep(40 * time.Millisecond) // the bubble's clock
		u.GotConn(c, false, false, time.Now())
		u.PutIdleConn(None)
		u.End(None, false, time.Now())
		u = asks(l)
		time.Sleep(time.Second) // u waits for a connection that comes free
		u.GotConn(c, true, false, time.Now())
		if w := u.Worth(true); w.Cost != 40*time.Millisecond || w.Measured != 1 {
			t.Errorf("%v, measured %d times; want 40 ms, once", w.Cost, w.Measured)
		}
	})
}
