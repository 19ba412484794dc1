package pool_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"

	"github.com/warmconn/warmconn/internal/fullsize"
	"github.com/warmconn/warmconn/pool"
)

// Hosts are forgotten between one Stats and the next, and while one is taken.
func TestCountersDoNotGoBackWhileHostsAreForgotten(t *testing.T) {
	t.Parallel()
	p := pool.New(pool.Options{})
	rt := p.Middleware(noContent)
	var done atomic.Bool
	var wg sync.WaitGroup
	n := fullsize.Of(40_000, 3000)
	wg.Go(func() {
		defer done.Store(true)
		for i := range n {
			resp, err := send(context.Background(), rt, fmt.Sprintf("host%d.example", i))
			if err != nil {
				t.Error(err)
				return
			}
			resp.Body.Close()
		}
	})
	var last uint64
	for !done.Load() {
		s := p.Stats()
		if s.Requests < last {
			t.Errorf("%d requests, after %d", s.Requests, last)
		}
		last = s.Requests
	}
	wg.Wait()
	if got := p.Stats().Requests; got != uint64(n) {
		t.Errorf("%d requests, want %d", got, n)
	}
}

// A request that waits for a slot under MaxTotal was not sent, and may never be.
func TestRequestsThatMaxTotalRefusesAreNeverCounted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var open atomic.Int32
		p := pool.New(pool.Options{MaxTotal: 1})
		rt := p.Middleware(endless(&open))
		held, err := send(t.Context(), rt, "host.example")
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		gone := make(chan error)
		go func() {
			_, err := send(ctx, rt, "other.example")
			gone <- err
		}()
		synctest.Wait()
		if s := p.Stats(); s.Requests != 1 || s.Hosts[1].Requests != 0 || s.Waiting != 1 {
			t.Errorf("%d requests, %d waiting; want 1, 1", s.Requests, s.Waiting)
		}
		cancel()
		if err := <-gone; !errors.Is(err, context.Canceled) {
			t.Errorf("got %v", err)
		}
		held.Body.Close()
		if s := p.Stats(); s.Requests != 1 || s.InUse != 0 {
			t.Errorf("%d requests, %d in use; want 1, 0", s.Requests, s.InUse)
		}
	})
}

// As with errgroup, the first error is the cause that cancels the other requests.
func TestCauseOfACanceledWaitIsLeftAsItIs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var open atomic.Int32
		p := pool.New(pool.Options{MaxPerHost: 1, MaxWaiting: 1})
		rt := p.Middleware(endless(&open))
		ctx, cancel := context.WithCancelCause(t.Context())
		for _, host := range []string{"a.example", "b.example"} {
			held, err := send(t.Context(), rt, host)
			if err != nil {
				t.Fatal(err)
			}
			defer held.Body.Close()
		}
		var wg sync.WaitGroup
		for _, host := range []string{"a.example", "b.example"} {
			wg.Go(func() {
				if _, err := send(ctx, rt, host); err == nil {
					t.Error("sent")
				}
			})
		}
		synctest.Wait()
		_, err := send(ctx, rt, "a.example")
		cancel(err)
		wg.Wait()
		var l *pool.LimitError
		if !errors.As(err, &l) || l.Host != "http://a.example:80" {
			t.Errorf("the refusal is now %v, want one of a.example", err)
		}
	})
}

// A refused waiter is counted in the moment in which it leaves the queue.
func TestWaitThatIsRefusedIsCountedAtOnce(t *testing.T) {
	for range 100 {
		synctest.Test(t, func(t *testing.T) {
			var open atomic.Int32
			p := pool.New(pool.Options{MaxPerHost: 1})
			rt := p.Middleware(endless(&open))
			held, err := send(t.Context(), rt, "host.example")
			if err != nil {
				t.Fatal(err)
			}
			defer held.Body.Close()
			go send(t.Context(), rt, "host.example")
			synctest.Wait()
			p.Close()
			if s := p.Stats(); s.Waiting != 0 || s.Waits != 1 {
				t.Errorf("%d waiting, %d waits; want 0, 1", s.Waiting, s.Waits)
			}
		})
	}
}
