package ledger

import (
	"sync"
	"testing"
	"time"
)

// An exchange that is given a connection is seen either waiting for one or with it,
// never as both: the gate would dial for it.
func TestNobodyIsSeenWaitingWithAConnection(t *testing.T) {
	l := New(nil, Watched)
	first := asking(l)
	h := first.host
	done := make(chan struct{})
	idle := make(chan *fakeConn, 8)
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for range 5000 {
				u := asking(l)
				d, err := u.Admit(true)
				if err != nil {
					t.Error(err)
					return
				}
				var c *fakeConn
				reused := true
				select {
				case c = <-idle:
					d.Done()
				default:
					c, reused = newFake(d), false
				}
				u.Got(c, reused, false, time.Now())
				u.Put("")
				u.End("", false, time.Now())
				idle <- c
			}
		})
	}
	go func() { wg.Wait(); close(done) }()
	for seen := 0; ; seen++ {
		select {
		case <-done:
			t.Logf("looked %d times", seen)
			return
		default:
		}
		h.mu.Lock()
		waiting, active, inflight := len(h.wanting), h.active, h.inflight-1 // the first only holds the page
		h.mu.Unlock()
		if waiting+active > inflight {
			t.Fatalf("%d wait and %d connections are in use, of %d exchanges", waiting, active, inflight)
		}
	}
}
