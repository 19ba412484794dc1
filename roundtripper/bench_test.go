package roundtripper_test

import (
	"context"
	"net/http"
	"net/http/httptrace"
	"testing"

	"github.com/warmconn/warmconn/drain"
	"github.com/warmconn/warmconn/internal/lockorder"
	"github.com/warmconn/warmconn/internal/stub"
	"github.com/warmconn/warmconn/internal/testserver"
	"github.com/warmconn/warmconn/pool"
	"github.com/warmconn/warmconn/roundtripper"
)

func observe() roundtripper.Middleware { return roundtripper.Observe(roundtripper.Observer{}) }

// BenchmarkObserve is the cost of one record, over a base that costs nearly
// nothing and over loopback.
func BenchmarkObserve(b *testing.B) {
	srv := testserver.New(http.HandlerFunc(handler), testserver.Options{})
	defer srv.Close()
	for _, base := range []struct {
		name string
		rt   func() http.RoundTripper
		url  string
	}{
		{"stub", func() http.RoundTripper { return stub.Transport{} }, "http://host.example/"},
		{"loopback", func() http.RoundTripper { return &http.Transport{} }, srv.URL},
	} {
		for _, stack := range []struct {
			name string
			mw   []roundtripper.Middleware
		}{
			{"bare", nil},
			{"observe", []roundtripper.Middleware{observe()}},
			{"observe+drain", []roundtripper.Middleware{observe(), drain.New(drain.Options{}).Middleware}},
			{"observe+drain+pool", []roundtripper.Middleware{observe(), drain.New(drain.Options{}).Middleware, pool.New(pool.Options{}).Middleware}},
		} {
			b.Run(base.name+"/"+stack.name, func(b *testing.B) {
				rt := roundtripper.Wrap(base.rt(), stack.mw...)
				defer roundtripper.CloseIdleConnections(rt)
				req, _ := http.NewRequest("GET", base.url, nil)
				b.ReportAllocs()
				for b.Loop() {
					if err := stub.Do(rt, req); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}

// TestAllocations pins the allocations of each layer over a base that makes nearly none.
// Fewer are welcome; more need a reason here.
func TestAllocations(t *testing.T) {
	if raceEnabled || lockorder.Checked {
		t.Skip("SKIPPED: the check of races, or of the order of locks, allocates")
	}
	ctx := context.Background()
	base := stub.Transport{}
	allocs := func(mw ...roundtripper.Middleware) float64 {
		rt := roundtripper.Wrap(base, mw...)
		req, _ := http.NewRequestWithContext(ctx, "GET", "http://host.example/", nil)
		for range 1000 { // past the pool's first stacks
			if err := stub.Do(rt, req); err != nil {
				t.Fatal(err)
			}
		}
		return testing.AllocsPerRun(1000, func() {
			if err := stub.Do(rt, req); err != nil {
				t.Fatal(err)
			}
		})
	}
	bare := allocs()
	one := allocs(observe())
	t.Logf("bare %v, observe %v", bare, one)
	if got := one - bare; got > 2 {
		t.Errorf("observe allocates %v over bare, want at most 2", got)
	}
	base.Looks = true
	hooked := allocs(observe())
	t.Logf("observe over a base that looks for hooks and for the end of the context: %v", hooked)
	if got := hooked - bare; got > 8 {
		t.Errorf("observe allocates %v over bare where the base looks for them, want at most 8", got)
	}
	base.Looks = false
	d := allocs(observe(), drain.New(drain.Options{}).Middleware) - one
	if d > 0 {
		t.Errorf("drain allocates %v when a record is open and nothing is left to drain, want 0", d)
	}
	p := allocs(observe(), pool.New(pool.Options{MaxPerHost: 8}).Middleware) - one
	if p > 0 {
		t.Errorf("pool allocates %v when a record is open, want 0", p)
	}
	t.Logf("drain %v more, pool %v more", d, p)
	ctx = httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		GetConn:     func(string) {},
		GotConn:     func(httptrace.GotConnInfo) {},
		PutIdleConn: func(error) {},
	})
	base.Looks = true
	if h := allocs(observe()) - hooked; h > 0 {
		t.Errorf("observe allocates %v more if the caller has hooks, want 0", h)
	}
}
