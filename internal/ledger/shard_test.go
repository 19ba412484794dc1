package ledger

import (
	"fmt"
	"testing"
	"time"

	"github.com/warmconn/warmconn/internal/hosttable"
)

// A host whose lock is held, while another goroutine waits for it, holds up no other host,
// not even one in its shard.
func TestBusyHostHoldsUpNoOther(t *testing.T) {
	l := New(nil)
	busy := new(Entry)
	l.Begin(busy, key, nil, time.Now())
	busy.host.mu.Lock()
	waits := make(chan struct{})
	go func() {
		close(waits)
		l.Begin(new(Entry), key, nil, time.Now())
	}()
	<-waits
	done := make(chan struct{})
	go func() {
		defer close(done)
		for i := range 20 * hosttable.Shards { // each shard many times, while the other goroutine comes to the lock
			l.Begin(new(Entry), Key{Scheme: "http", Host: fmt.Sprintf("host%d.example", i)}, nil, time.Now())
			time.Sleep(100 * time.Microsecond)
		}
	}()
	select {
	case <-done:
	case <-time.After(time.Minute):
		t.Error("another host's exchange did not begin")
	}
	busy.host.mu.Unlock()
}
