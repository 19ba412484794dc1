package pool

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/warmconn/warmconn/internal/ledger"
)

// Few requests of a crawler have their stack taken, though each is the first to its host. Once a
// body was leaked all have, so that the leaking line is named.
func TestFirstRequestsToACrowdOfHostsSeldomHaveTheirStackTaken(t *testing.T) {
	synctest.Test(t, firstRequestsToACrowd)
}

func firstRequestsToACrowd(t *testing.T) {
	p := New(Options{LeakAfter: time.Second})
	stacks := func(from, hosts int) (n int) {
		for i := range hosts {
			h, v, err := p.acquire(t.Context(), acquisition{}, ledger.Key{Host: fmt.Sprint(from + i)}, "", nil)
			if err != nil {
				t.Fatal(err)
			}
			if v.stack {
				n++
			}
			p.release(h, nil)
		}
		return n
	}
	if n := stacks(0, crowdFrom); n != crowdFrom {
		t.Errorf("%d stacks for the first %d hosts, want all", n, crowdFrom)
	}
	if n := stacks(crowdFrom, 64*callEvery); n != 64 {
		t.Errorf("%d stacks for %d more, want 64", n, 64*callEvery)
	}
	resp := open(t, p.Middleware(answer{}))
	defer resp.Body.Close()
	time.Sleep(2 * time.Second) // the body is suspected
	synctest.Wait()
	if n := stacks(1<<20, 100); n != 100 {
		t.Errorf("%d stacks for 100 hosts after a leak, want all", n)
	}
}
