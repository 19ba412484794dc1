package pool

import (
	"slices"
	"testing"
	"time"
)

// FuzzWaitlist compares waitlist with a model of slices: each byte adds a waiter to a flow,
// serves one, or has one leave.
func FuzzWaitlist(f *testing.F) {
	f.Add([]byte{0, 0, 0, 1, 2, 9, 1, 9, 9, 2, 15, 0, 9})
	f.Add([]byte{0, 0, 1, 2, 2, 4})       // waiters of its own flow are ahead
	f.Add([]byte{0, 1, 1, 1, 1, 1, 4})    // a flow whose turn comes after its own
	f.Add([]byte{1, 1, 1, 1, 1, 0, 4})    // a flow whose turn comes before its own
	f.Add([]byte{0, 1, 1, 1, 1, 9, 0, 4}) // it is another flow's turn
	f.Fuzz(func(t *testing.T, ops []byte) {
		const lanes = 4
		var l waitlist
		var all [lanes]flow
		var waiting [lanes][]*waiter
		var turns []int // flows that have waiters
		leave := func(in, i int) {
			waiting[in] = slices.Delete(waiting[in], i, i+1)
			if len(waiting[in]) == 0 {
				turns = slices.DeleteFunc(turns, func(n int) bool { return n == in })
			}
		}
		serve := func() *waiter {
			in := turns[0]
			w := waiting[in][0]
			turns = append(turns[1:], in)
			leave(in, 0)
			if got := l.first(); got != w {
				t.Fatal("the wrong waiter is first")
			}
			l.served(w)
			return w
		}
		for _, op := range ops {
			switch in := int(op) % lanes; {
			case op < 8:
				ahead := l.ahead(&all[in])
				w := l.push(&all[in], time.Time{})
				if len(waiting[in]) == 0 {
					turns = append(turns, in)
				}
				waiting[in] = append(waiting[in], w)
				if op >= 4 { // serve all up to it, to see how many were ahead
					served := 0
					for serve() != w {
						served++
					}
					if served != ahead {
						t.Fatalf("%d were served before it, want %d", served, ahead)
					}
				}
			case op < 12 && len(turns) > 0:
				serve()
			case len(waiting[in]) > 0:
				i := int(op) / lanes % len(waiting[in])
				l.remove(waiting[in][i])
				leave(in, i)
			}
			n := 0
			for _, w := range waiting {
				n += len(w)
			}
			if l.len != n || (l.first() == nil) != (n == 0) {
				t.Fatalf("%d in line, want %d", l.len, n)
			}
		}
	})
}
