package linked_test

import (
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/warmconn/warmconn/internal/linked"
)

type item struct {
	id    int
	place linked.Place[item]
}

// TestListsAreAsSlicesWouldBe moves values between two lists at random.
func TestListsAreAsSlicesWouldBe(t *testing.T) {
	var lists [2]linked.List[item]
	var want [2][]*item
	items := make([]item, 12)
	for i := range items {
		items[i].id = i
	}
	seed := rand.Uint64()
	rnd := rand.New(rand.NewPCG(seed, 0))
	for step := range 5000 {
		x := &items[rnd.IntN(len(items))]
		in := x.place.In()
		x.place.Remove()
		for i := range want {
			if j := slices.Index(want[i], x); j >= 0 {
				if in != &lists[i] {
					t.Fatalf("seed %d, step %d: a value of list %d says it is in another", seed, step, i)
				}
				want[i] = slices.Delete(want[i], j, j+1)
			}
		}
		if to := rnd.IntN(3); to < 2 {
			lists[to].Push(&x.place, x)
			want[to] = append(want[to], x)
		}
		for i := range lists {
			l := &lists[i]
			if got := slices.Collect(l.All()); !slices.Equal(got, want[i]) || l.Len() != len(got) {
				t.Fatalf("seed %d, step %d: list %d has %d values %v, want %v", seed, step, i, l.Len(), got, want[i])
			}
			if first := l.First(); len(want[i]) == 0 && first != nil || len(want[i]) > 0 && first != want[i][0] {
				t.Fatalf("seed %d, step %d: the first of list %d is %v", seed, step, i, first)
			}
		}
	}
}

func TestTheOneAtHandMayBeTakenOut(t *testing.T) {
	var l linked.List[item]
	items := make([]item, 5)
	for i := range items {
		l.Push(&items[i].place, &items[i])
	}
	n := 0
	for x := range l.All() {
		x.place.Remove()
		x.place.Remove() // does nothing
		if n++; n == 3 {
			break
		}
	}
	if n != 3 || l.Len() != 2 || l.First() != &items[3] {
		t.Errorf("after %d were taken out %d are left, the first %v; want 3, 2, the fourth", n, l.Len(), l.First())
	}
}
