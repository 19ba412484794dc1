package pool_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/warmconn/warmconn/internal/fullsize"
	"github.com/warmconn/warmconn/pool"
	"github.com/warmconn/warmconn/roundtripper"
)

func isErr(err, target error) bool { return errors.Is(err, target) }

// endless is a base whose responses have a body that ends when it is closed. It needs no
// network, and so works in a bubble.
func endless(open *atomic.Int32) roundtripper.Func {
	return func(req *http.Request) (*http.Response, error) {
		if req.Body != nil {
			req.Body.Close()
		}
		open.Add(1)
		pr, _ := io.Pipe()
		return &http.Response{StatusCode: 200, ProtoMajor: 1, ProtoMinor: 1, Header: http.Header{},
			ContentLength: -1, Body: closer{pr, func() { open.Add(-1) }}, Request: req}, nil
	}
}

type closer struct {
	io.Reader
	f func()
}

func (c closer) Close() error { c.f(); return nil }

func TestSlotIsHeldUntilTheBodyHasEnded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var open atomic.Int32
		p := pool.New(pool.Options{MaxPerHost: 2})
		client := &http.Client{Transport: p.Middleware(endless(&open))}
		var held []*http.Response
		for range 2 {
			resp, err := client.Get("http://host.example/")
			if err != nil {
				t.Fatal(err)
			}
			held = append(held, resp)
		}
		done := make(chan *http.Response)
		go func() {
			resp, _ := client.Get("http://host.example/")
			done <- resp
		}()
		synctest.Wait()
		if s := p.Stats(); s.InUse != 2 || s.Waiting != 1 || s.Hosts[0].Limit != 2 {
			t.Errorf("in use %d, waiting %d; want 2, 1", s.InUse, s.Waiting)
		}
		// Another host has slots of its own.
		other, err := client.Get("http://other.example/")
		if err != nil {
			t.Fatal(err)
		}
		other.Body.Close()
		held[0].Body.Close()
		resp := <-done
		if resp == nil {
			t.Fatal("the waiter failed")
		}
		resp.Body.Close()
		held[1].Body.Close()
		if s := p.Stats(); s.InUse != 0 || s.Waiting != 0 || s.Waits != 1 {
			t.Errorf("in use %d, waiting %d, waits %d; want 0, 0, 1", s.InUse, s.Waiting, s.Waits)
		}
	})
}

func TestQueueIsFirstComeFirstServed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var open atomic.Int32
		p := pool.New(pool.Options{MaxPerHost: 1})
		client := &http.Client{Transport: p.Middleware(endless(&open))}
		first, err := client.Get("http://host.example/")
		if err != nil {
			t.Fatal(err)
		}
		const n = 50
		var mu sync.Mutex
		var order []int
		var wg sync.WaitGroup
		for i := range n {
			wg.Go(func() {
				resp, err := client.Get("http://host.example/")
				if err != nil {
					t.Error(err)
					return
				}
				mu.Lock()
				order = append(order, i)
				mu.Unlock()
				resp.Body.Close()
			})
			synctest.Wait() // i stands in the queue before i+1
		}
		first.Body.Close()
		wg.Wait()
		for i, got := range order {
			if got != i {
				t.Fatalf("served in the order %v", order)
			}
		}
	})
}

func TestRefusals(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var open atomic.Int32
		p := pool.New(pool.Options{MaxPerHost: 1, MaxWaiting: 1, WaitTimeout: time.Second})
		client := &http.Client{Transport: p.Middleware(endless(&open))}
		held, err := client.Get("http://host.example/")
		if err != nil {
			t.Fatal(err)
		}
		timedOut := make(chan error)
		go func() {
			_, err := client.Get("http://host.example/")
			timedOut <- err
		}()
		synctest.Wait()

		body := &countingBody{Reader: strings.NewReader("x")}
		_, err = client.Post("http://host.example/", "text/plain", body)
		var limit *pool.LimitError
		var u *url.Error
		if !errors.Is(err, pool.ErrQueueFull) || !errors.As(err, &limit) || !errors.As(err, &u) || u.Timeout() {
			t.Errorf("third request got %v, want ErrQueueFull and no timeout", err)
		} else if limit.Host != "http://host.example:80" || limit.Limit != 1 || limit.InUse != 1 || limit.Waiting != 1 {
			t.Errorf("refusal %+v", limit)
		}
		if body.closes != 1 {
			t.Errorf("the refused request's body was closed %d times, want 1", body.closes)
		}

		err = <-timedOut
		if !errors.Is(err, pool.ErrWaitTimeout) || !errors.As(err, &u) || !u.Timeout() || !errors.As(err, &limit) || limit.Waited != time.Second {
			t.Errorf("second request got %v, want ErrWaitTimeout after 1 s and a timeout", err)
		}
		held.Body.Close()
		if s := p.Stats(); s.InUse != 0 || s.QueueFull != 1 || s.WaitTimeouts != 1 {
			t.Errorf("stats %+v", s)
		}
	})
}

type countingBody struct {
	io.Reader
	closes int
}

func (b *countingBody) Close() error { b.closes++; return nil }

func TestWaiterLeavesWithItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var open atomic.Int32
		p := pool.New(pool.Options{MaxPerHost: 1})
		client := &http.Client{Transport: p.Middleware(endless(&open))}
		held, err := client.Get("http://host.example/")
		if err != nil {
			t.Fatal(err)
		}
		cause := errors.New("enough")
		ctx, cancel := context.WithCancelCause(t.Context())
		done := make(chan error)
		go func() {
			req, _ := http.NewRequestWithContext(ctx, "GET", "http://host.example/", nil)
			_, err := client.Do(req)
			done <- err
		}()
		synctest.Wait()
		cancel(cause)
		if err := <-done; !errors.Is(err, cause) {
			t.Errorf("got %v, want the context's cause", err)
		}
		if s := p.Stats(); s.Waiting != 0 || s.InUse != 1 {
			t.Errorf("waiting %d, in use %d; want 0, 1", s.Waiting, s.InUse)
		}
		held.Body.Close()
	})
}

func TestExemptRequestTakesNoSlot(t *testing.T) {
	var open atomic.Int32
	p := pool.New(pool.Options{MaxPerHost: 1, MaxWaiting: -1})
	client := &http.Client{Transport: p.Middleware(endless(&open))}
	held, err := client.Get("http://host.example/")
	if err != nil {
		t.Fatal(err)
	}
	defer held.Body.Close()
	req, _ := http.NewRequestWithContext(pool.Exempt(t.Context()), "GET", "http://host.example/", nil)
	resp, err := client.Do(req)
	if err != nil {
		t.Fatalf("exempt request: %v", err)
	}
	resp.Body.Close()
	if _, err := client.Get("http://host.example/"); !errors.Is(err, pool.ErrQueueFull) {
		t.Errorf("next request got %v, want ErrQueueFull", err)
	}
}

func TestMaxTotalBoundsAllHosts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var open, peak atomic.Int32
		p := pool.New(pool.Options{MaxTotal: 3})
		base := endless(&open)
		client := &http.Client{Transport: p.Middleware(roundtripper.Func(func(r *http.Request) (*http.Response, error) {
			resp, err := base(r)
			for n := open.Load(); n > peak.Load(); n = open.Load() {
				peak.Store(n)
			}
			return resp, err
		}))}
		var wg sync.WaitGroup
		for i := range 40 {
			wg.Go(func() {
				resp, err := client.Get("http://host" + string(rune('a'+i%20)) + ".example/")
				if err != nil {
					t.Error(err)
					return
				}
				time.Sleep(time.Millisecond)
				resp.Body.Close()
			})
		}
		wg.Wait()
		if got := peak.Load(); got != 3 {
			t.Errorf("%d requests at once, want 3", got)
		}
	})
}

func TestWaitTimeoutHoldsForBothQueuesTogether(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var open atomic.Int32
		p := pool.New(pool.Options{MaxPerHost: 1, MaxTotal: 2, WaitTimeout: time.Second})
		client := &http.Client{Transport: p.Middleware(endless(&open))}
		var held []*http.Response
		for _, host := range []string{"a", "b"} {
			resp, err := client.Get("http://" + host + ".example/")
			if err != nil {
				t.Fatal(err)
			}
			held = append(held, resp)
		}
		time.AfterFunc(600*time.Millisecond, func() { held[0].Body.Close() })
		// C waits 600 ms, for one of all.
		done := make(chan *http.Response)
		go func() {
			resp, err := client.Get("http://c.example/")
			if err != nil {
				t.Error(err)
			}
			done <- resp
		}()
		synctest.Wait()
		if s := p.Stats(); s.InUse != 2 || s.Waiting != 1 {
			t.Errorf("in use %d, waiting %d; want 2, 1", s.InUse, s.Waiting)
		}
		resp := <-done // c gets a's place
		if resp == nil {
			t.FailNow()
		}
		began := time.Now()
		_, err := client.Get("http://a.example/")
		var limit *pool.LimitError
		if !errors.As(err, &limit) || limit.Host != "" || time.Since(began) != time.Second || limit.Waited != time.Second {
			t.Errorf("got %v after %v, want a refusal by the limit of all after 1 s", err, time.Since(began))
		}
		if s := p.Stats(); s.InUse != 2 || s.WaitTimeouts != 1 || s.Requests != 3 {
			t.Errorf("stats %+v", s)
		}
		held[1].Body.Close()
		resp.Body.Close()
	})
}

func TestExemptRequestIsRefusedAfterClose(t *testing.T) {
	var open atomic.Int32
	p := pool.New(pool.Options{})
	p.Close()
	req, _ := http.NewRequestWithContext(pool.Exempt(t.Context()), "GET", "http://host.example/", nil)
	if _, err := p.Middleware(endless(&open)).RoundTrip(req); !errors.Is(err, pool.ErrClosed) {
		t.Errorf("got %v, want ErrClosed", err)
	}
}

func TestRequestThatPanicsGivesItsSlotBack(t *testing.T) {
	p := pool.New(pool.Options{MaxPerHost: 1})
	rt := p.Middleware(roundtripper.Func(func(*http.Request) (*http.Response, error) { panic("base") }))
	req, _ := http.NewRequest("GET", "http://host.example/", nil)
	func() {
		defer func() {
			if recover() == nil {
				t.Error("the base's panic was swallowed")
			}
		}()
		rt.RoundTrip(req)
	}()
	if s := p.Stats(); s.InUse != 0 {
		t.Errorf("%d slots in use after a panic, want 0", s.InUse)
	}
}

func TestManyGoroutinesLoseNothing(t *testing.T) {
	var open atomic.Int32
	p := pool.New(pool.Options{MaxPerHost: 64})
	client := &http.Client{Transport: p.Middleware(endless(&open))}
	var wg sync.WaitGroup
	n := fullsize.Of(10_000, 2000)
	for range n {
		wg.Go(func() {
			resp, err := client.Get("http://host.example/")
			if err != nil {
				t.Error(err)
				return
			}
			resp.Body.Close()
		})
	}
	wg.Wait()
	if s := p.Stats(); s.InUse != 0 || s.Waiting != 0 || s.Requests != uint64(n) {
		t.Errorf("in use %d, waiting %d, requests %d; want 0, 0, %d", s.InUse, s.Waiting, s.Requests, n)
	}
}

func TestHostsThatAreNotUsedAreForgotten(t *testing.T) {
	t.Parallel()
	p := pool.New(pool.Options{})
	rt := p.Middleware(roundtripper.Func(func(req *http.Request) (*http.Response, error) {
		return &http.Response{StatusCode: 204, Body: http.NoBody, Request: req}, nil
	}))
	req, _ := http.NewRequest("GET", "http://host.example/", nil)
	n := fullsize.Of(200_000, 12_000)
	for i := range n {
		req.URL.Host = "host" + strconv.Itoa(i) + ".example"
		if _, err := rt.RoundTrip(req); err != nil {
			t.Fatal(err)
		}
	}
	s := p.Stats()
	if s.Requests != uint64(n) {
		t.Errorf("%d requests counted, want %d", s.Requests, n)
	}
	if len(s.Hosts) > 10_000 {
		t.Errorf("%d hosts remembered, none in use", len(s.Hosts))
	}
}
