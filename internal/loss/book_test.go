package loss

import (
	"math/rand/v2"
	"testing"
	"time"
)

// TestALossTakesTheEdgesOfTheTable, all of them and no other, under random calls. And the
// book holds exactly the losses that are booked.
func TestALossTakesTheEdgesOfTheTable(t *testing.T) {
	var seen [states][states]bool
	b := Book{onEdge: func(from, to state) {
		seen[from][to] = true
		if !edges[from][to] {
			t.Fatalf("from %v to %v: the table has no such edge", from, to)
		}
	}}
	const timeout = time.Minute
	r := rand.New(rand.NewPCG(1, 2))
	now := time.Unix(0, 0)
	var all, paid []*Loss
	for range 10_000 {
		now = now.Add(time.Duration(r.IntN(20)) * time.Second)
		switch r.IntN(5) {
		case 0, 1:
			l := &Loss{At: now, Reason: BodyUnread}
			b.Add(l)
			all = append(all, l)
		case 2:
			if l, _ := b.Charge(now, now, timeout); l != nil {
				paid = append(paid, l)
			}
		case 3:
			if n := len(paid); n > 0 {
				b.Refund(paid[n-1])
				paid = paid[:n-1]
			}
		case 4:
			if len(all) > 0 {
				b.Withdraw(all[r.IntN(len(all))])
			}
		}
		in := 0
		for _, l := range all {
			if l.state == booked {
				in++
			}
		}
		if in != b.Len() || in > Max {
			t.Fatalf("%d are booked, the book has %d, of at most %d", in, b.Len(), Max)
		}
	}
	for from := range states {
		for to := range states {
			if edges[from][to] && !seen[from][to] {
				t.Errorf("the edge from %v to %v does not occur", from, to)
			}
		}
	}
}

func TestARefundedLossIsChargedAgainInItsPlace(t *testing.T) {
	now := time.Unix(1000, 0)
	var b Book
	old, young := &Loss{At: now, Reason: BodyUnread}, &Loss{At: now.Add(time.Second), Reason: GoAway}
	b.Add(old)
	b.Add(young)
	now = now.Add(time.Minute)
	first, _ := b.Charge(now, now, 0)
	second, _ := b.Charge(now, now, 0)
	b.Refund(first)
	b.Refund(second)
	if l, _ := b.Charge(now, now, 0); first != young || l != young {
		t.Errorf("charged %v, and then %v, want the most recent loss both times", first.Reason, l.Reason)
	}
}
