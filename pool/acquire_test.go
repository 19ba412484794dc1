package pool

import (
	"context"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/warmconn/warmconn/internal/ledger"
	"github.com/warmconn/warmconn/internal/lockorder"
)

var acquireCases = []struct {
	name   string
	o      Options
	allocs float64
}{
	{"no limit", Options{}, 0},
	{"limit", Options{MaxPerHost: 64}, 0},
	{"both limits", Options{MaxPerHost: 64, MaxTotal: 64}, 0},
	{"every option", Options{MaxPerHost: 64, MaxWaiting: 10, WaitTimeout: time.Second, RefuseHopeless: true, ShedTarget: time.Millisecond,
		Hosts: map[string]Limits{"host.example": {MaxPerHost: 32}}}, 0},
}

func acquireAndRelease(tb testing.TB, p *Pool, key ledger.Key) {
	h, _, err := p.acquire(context.Background(), acquisition{}, key, "", nil)
	if err != nil {
		tb.Fatal(err)
	}
	p.release(h, nil)
}

// BenchmarkAcquire is the cost of a slot for a request that need not wait. The baseline,
// nothing, takes a lock twice, as any queue must.
func BenchmarkAcquire(b *testing.B) {
	b.Run("nothing", func(b *testing.B) {
		var q queue
		b.ReportAllocs()
		for b.Loop() {
			q.mu.Lock()
			q.inUse++
			q.mu.Unlock()
			q.mu.Lock()
			q.inUse--
			q.mu.Unlock()
		}
	})
	for _, v := range acquireCases {
		b.Run(v.name, func(b *testing.B) {
			p := New(v.o)
			b.ReportAllocs()
			for b.Loop() {
				acquireAndRelease(b, p, simulated)
			}
		})
	}
}

// BenchmarkAcquireHosts does the same from all cores, to one host or to 16 in
// turn: with more hosts two requests want one lock less often.
func BenchmarkAcquireHosts(b *testing.B) {
	for _, hosts := range []int{1, 16} {
		b.Run(fmt.Sprint(hosts), func(b *testing.B) {
			p := New(Options{MaxPerHost: 1 << 20})
			keys := make([]ledger.Key, hosts)
			for i := range keys {
				keys[i] = ledger.Key{Scheme: "https", Host: fmt.Sprintf("host%d.example", i), Port: "443"}
			}
			var who atomic.Int32
			b.ReportAllocs()
			b.RunParallel(func(pb *testing.PB) {
				for i := int(who.Add(1)); pb.Next(); i++ {
					acquireAndRelease(b, p, keys[i%hosts])
				}
			})
		})
	}
}

func TestAcquireDoesNotAllocate(t *testing.T) {
	if lockorder.Checked {
		t.Skip("SKIPPED: the check of the order of locks allocates")
	}
	for _, v := range acquireCases {
		t.Run(v.name, func(t *testing.T) {
			p := New(v.o)
			acquireAndRelease(t, p, simulated)
			if got := testing.AllocsPerRun(100, func() { acquireAndRelease(t, p, simulated) }); got > v.allocs {
				t.Errorf("%v allocations, want %v", got, v.allocs)
			}
		})
	}
}
