package pool_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/warmconn/warmconn/internal/fullsize"
	"github.com/warmconn/warmconn/pool"
)

func send(ctx context.Context, rt http.RoundTripper, host string) (*http.Response, error) {
	req, err := http.NewRequestWithContext(ctx, "GET", "http://"+host+"/", nil)
	if err != nil {
		return nil, err
	}
	return rt.RoundTrip(req)
}

// TestNobodyBargesPastAWaiter: a request that comes in the moment in which a slot comes free
// finds that a waiter has it already.
func TestNobodyBargesPastAWaiter(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var open atomic.Int32
		p := pool.New(pool.Options{MaxPerHost: 1})
		rt := p.Middleware(endless(&open))
		held, err := send(t.Context(), rt, "host.example")
		if err != nil {
			t.Fatal(err)
		}
		var waiter atomic.Bool
		var wg sync.WaitGroup
		wg.Go(func() {
			resp, err := send(t.Context(), rt, "host.example")
			if err != nil {
				t.Error(err)
				return
			}
			waiter.Store(true)
			resp.Body.Close()
		})
		synctest.Wait()
		held.Body.Close()
		resp, err := send(t.Context(), rt, "host.example") // without giving the waiter time to wake
		if err != nil {
			t.Fatal(err)
		}
		if !waiter.Load() {
			t.Error("a later request was sent before the waiter")
		}
		resp.Body.Close()
		wg.Wait()
	})
}

// TestPlaceOfAGoneWaiterIsGone: when a waiter's context ends, the waiters behind it move up, and
// no slot is given to the one that is gone.
func TestPlaceOfAGoneWaiterIsGone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var open atomic.Int32
		p := pool.New(pool.Options{MaxPerHost: 1, MaxWaiting: 2})
		rt := p.Middleware(endless(&open))
		held, err := send(t.Context(), rt, "host.example")
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		gone := make(chan error)
		go func() {
			_, err := send(ctx, rt, "host.example")
			gone <- err
		}()
		synctest.Wait()
		var order []int
		var wg sync.WaitGroup
		wait := func(i int) {
			wg.Go(func() {
				resp, err := send(t.Context(), rt, "host.example")
				if err != nil {
					t.Error(err)
					return
				}
				order = append(order, i) // one slot: no two at once
				resp.Body.Close()
			})
			synctest.Wait()
		}
		wait(1)
		began := time.Now()
		cancel()
		if err := <-gone; !errors.Is(err, context.Canceled) || time.Since(began) != 0 {
			t.Errorf("got %v after %v, want the context's error at once", err, time.Since(began))
		}
		wait(2) // there is room in the queue again
		if s := p.Stats(); s.Waiting != 2 || s.WaitsCanceled != 1 || s.Hosts[0].WaitsCanceled != 1 {
			t.Errorf("waiting %d, canceled %d; want 2, 1", s.Waiting, s.WaitsCanceled)
		}
		held.Body.Close()
		wg.Wait()
		if fmt.Sprint(order) != "[1 2]" {
			t.Errorf("served in the order %v", order)
		}
	})
}

// TestGreedyHostDoesNotStarveOthers: with a thousand requests of one host in the queue for
// MaxTotal, each request of another host waits for one of them.
func TestGreedyHostDoesNotStarveOthers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const hold = 10 * time.Millisecond
		var open atomic.Int32
		p := pool.New(pool.Options{MaxTotal: 1})
		rt := p.Middleware(endless(&open))
		var wg sync.WaitGroup
		request := func(host string, done func(waited time.Duration)) {
			wg.Go(func() {
				began := time.Now()
				resp, err := send(t.Context(), rt, host)
				if err != nil {
					t.Error(err)
					return
				}
				done(time.Since(began))
				time.Sleep(hold)
				resp.Body.Close()
			})
			synctest.Wait()
		}
		var greedy []time.Duration
		for range 1000 {
			request("greedy.example", func(d time.Duration) { greedy = append(greedy, d) })
		}
		time.Sleep(hold / 2)
		for i := range 3 {
			for n := range 2 {
				// Before its turn are: the request that has the slot, one of the
				// greedy host, and one of each of the others; twice for the second.
				most := time.Duration(n+1) * 4 * hold
				request(fmt.Sprintf("small%d.example", i), func(d time.Duration) {
					if d > most {
						t.Errorf("request %d of small host %d waited %v, want at most %v", n, i, d, most)
					}
				})
			}
		}
		wg.Wait()
		for i := 1; i < len(greedy); i++ {
			if greedy[i] < greedy[i-1] {
				t.Fatalf("request %d of the greedy host was sent before request %d", i, i-1)
			}
		}
	})
}

// TestManyGoroutinesKeepTheirOrder: slots are given in the order in which goroutines came to the
// queue. A goroutine may notice its slot late. So when one does, up to limit-1 before it may not
// have noticed theirs, and no more.
func TestManyGoroutinesKeepTheirOrder(t *testing.T) {
	t.Parallel()
	const limit = 64
	n := fullsize.Of(10_000, 1500)
	first := n * 4 / 10 // that come before the first slot is free; the race detector takes 8128 goroutines
	var open atomic.Int32
	p := pool.New(pool.Options{MaxPerHost: limit})
	rt := p.Middleware(endless(&open))
	var held []*http.Response
	for range limit {
		resp, err := send(t.Context(), rt, "host.example")
		if err != nil {
			t.Fatal(err)
		}
		held = append(held, resp)
	}
	var mu sync.Mutex
	noticed := make([]bool, n)
	before := 0 // all before it have noticed
	sent := func(i int) {
		mu.Lock()
		defer mu.Unlock()
		noticed[i] = true
		for before < n && noticed[before] {
			before++
		}
		missing := 0
		for j := before; j < i; j++ {
			if !noticed[j] {
				missing++
			}
		}
		if missing >= limit {
			t.Errorf("request %d was sent, but not %d of those before it", i, missing)
		}
	}
	var wg sync.WaitGroup
	for i := range n {
		if i == first {
			for _, resp := range held {
				resp.Body.Close()
			}
		}
		wg.Go(func() {
			resp, err := send(t.Context(), rt, "host.example")
			if err != nil {
				t.Error(err)
				return
			}
			sent(i)
			resp.Body.Close()
		})
		for { // until i stands in the queue, or has stood in it
			h := p.Stats().Hosts[0]
			if int(h.Requests)+h.Waiting == limit+i+1 {
				break
			}
			runtime.Gosched()
		}
	}
	wg.Wait()
	s := p.Stats()
	if s.InUse != 0 || s.Waiting != 0 || s.Requests != uint64(limit+n) || before != n {
		t.Errorf("in use %d, waiting %d, requests %d, noticed %d; want 0, 0, %d, %d", s.InUse, s.Waiting, s.Requests, before, limit+n, n)
	}
}

// TestSlotGivenToAGoneWaiterGoesOn: a slot that comes free in the moment in which the first
// waiter gives up goes to that waiter or to the next one.
func TestSlotGivenToAGoneWaiterGoesOn(t *testing.T) {
	for range 200 {
		synctest.Test(t, func(t *testing.T) {
			var open atomic.Int32
			p := pool.New(pool.Options{MaxPerHost: 1})
			rt := p.Middleware(endless(&open))
			held, err := send(t.Context(), rt, "host.example")
			if err != nil {
				t.Fatal(err)
			}
			ctx, cancel := context.WithCancel(t.Context())
			var sent atomic.Int32
			var wg sync.WaitGroup
			for _, ctx := range []context.Context{ctx, t.Context()} {
				wg.Go(func() {
					if resp, err := send(ctx, rt, "host.example"); err == nil {
						sent.Add(1)
						resp.Body.Close()
					}
				})
				synctest.Wait()
			}
			cancel() // it wakes for that, and finds its slot
			held.Body.Close()
			wg.Wait()
			s := p.Stats()
			if n := int(sent.Load()); n == 0 || s.Requests != uint64(1+n) || s.WaitsCanceled != uint64(2-n) || s.InUse != 0 {
				t.Fatalf("%d of two waiters sent; stats %+v", n, s)
			}
		})
	}
}
