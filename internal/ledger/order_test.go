package ledger

import (
	"testing"
	"time"
)

func TestHandOverMayBeSeenInEitherOrder(t *testing.T) {
	for _, putFirst := range []bool{true, false} {
		l := New(nil)
		a, c := asks(l), another()
		a.GotConn(c, false, false, time.Now())
		b := asks(l)
		if putFirst {
			a.PutIdleConn(None)
		}
		b.GotConn(c, true, false, time.Now())
		if !putFirst {
			a.PutIdleConn(None)
		}
		a.End(None, false, time.Now())
		l.Counts(func(n Counts) {
			if n.Open != 1 || n.Idle != 0 {
				t.Errorf("put first %v: open %d, idle %d; want 1, 0: b has it", putFirst, n.Open, n.Idle)
			}
		})
		b.PutIdleConn(None)
		b.End(None, false, time.Now())
		l.Counts(func(n Counts) {
			if n.Idle != 1 {
				t.Errorf("put first %v: idle %d, want 1", putFirst, n.Idle)
			}
		})
	}
}
