package connpool

import (
	"io"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/warmconn/warmconn/internal/eventually"
	"github.com/warmconn/warmconn/internal/loss"
	"github.com/warmconn/warmconn/internal/testserver"
)

// TestOneConnectionOfAColdBurstIsTheFirst, no matter which of the dials ends first.
func TestOneConnectionOfAColdBurstIsTheFirst(t *testing.T) {
	t.Parallel() // it waits
	for _, protocol := range []string{"http", "tls"} {
		const requests = 3
		together, in := meeting(requests)
		s, base := serve(t, protocol, together)
		burstIsFirstOnce(t, s.URL, base, in, requests, requests)
	}
	// Before the first connection shows its limit, 100 streams are assumed.
	var in atomic.Int32
	s, transport := limited(t, 250, false, func(w http.ResponseWriter, r *http.Request) {
		in.Add(1)
		hello(w, r)
	})
	burstIsFirstOnce(t, s.URL, transport(), &in, 250, 3)
}

// meeting is a handler that answers when n requests are there, and counts them.
func meeting(n int32) (h http.HandlerFunc, in *atomic.Int32) {
	in = new(atomic.Int32)
	all := make(chan struct{})
	return func(w http.ResponseWriter, r *http.Request) {
		if in.Add(1) == n {
			close(all)
		}
		select {
		case <-all:
		case <-r.Context().Done():
		}
		hello(w, r)
	}, in
}

func burstIsFirstOnce(t *testing.T, url string, base *http.Transport, in *atomic.Int32, requests, dials int) {
	d := newDialer(base)
	p := newPool(t, base, Options{})
	var mu sync.Mutex
	reasons := map[loss.Reason]int{}
	var burst sync.WaitGroup
	for range requests {
		burst.Go(func() {
			resp, err := openGet(t.Context(), rt{p: p}, url)
			if err != nil {
				t.Error(err)
				return
			}
			mu.Lock()
			for _, g := range resp.Body.(*endBody).o.got {
				if !g.Reused {
					reasons[g.Reason]++
				}
			}
			mu.Unlock()
			io.Copy(io.Discard, resp.Body)
			resp.Body.Close()
		})
	}
	waitWaiting(t, p, requests)
	var begun []chan error
	for range dials {
		begun = append(begun, <-d.begun)
	}
	for _, dial := range slices.Backward(begun[1:]) {
		dial <- nil
	}
	eventually.True(t, "a request to be served", func() bool { return in.Load() > 0 })
	begun[0] <- nil // the dial that was the first to begin
	d.open(t)
	burst.Wait()
	if reasons[loss.First] != 1 {
		t.Errorf("%s: new connections by reason: %v, want one %s", url, reasons, loss.First)
	}
}

// TestWhatAServerAnnouncesHoldsForConnectionsThatWereNotUsed: the server would announce the
// same on them.
func TestWhatAServerAnnouncesHoldsForConnectionsThatWereNotUsed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := testserver.New(http.HandlerFunc(hello), testserver.Options{Memory: true})
		defer s.Close()
		base := s.Transport()
		d := newDialer(base)
		p := newPool(t, base, Options{IdleTimeout: time.Minute})
		defer settles(t, p)
		served := make(chan *http.Response, 1)
		go func() {
			resp, _ := openGet(t.Context(), rt{p: p}, s.URL)
			served <- resp
		}()
		(<-d.begun) <- nil
		resp := <-served
		resp.Body.(*endBody).e.KeepAlive(10 * time.Second)
		second := send(t.Context(), rt{p: p}, s.URL)
		dial := <-d.begun
		io.Copy(io.Discard, resp.Body) // serves the second
		if err := <-second; err != nil {
			t.Fatal(err)
		}
		dial <- nil
		synctest.Wait()
		if n := count(p, idle); n != 2 {
			t.Fatalf("%d connections are idle, want 2", n)
		}
		after(10 * time.Second)
		if n := count(p, idle); n != 0 {
			t.Errorf("%d connections are idle behind what the server announced", n)
		}
	})
}
