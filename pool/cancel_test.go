package pool_test

import (
	"context"
	"errors"
	"net/http"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/warmconn/warmconn/internal/testserver"
	"github.com/warmconn/warmconn/pool"
)

// waitsFor sends a request with the given Request.Cancel to a host whose one slot, or
// connection, another request has, and closes cancel once the request waits.
func waitsFor(t *testing.T, rt http.RoundTripper, url string, cancel chan struct{}) error {
	t.Helper()
	req, _ := http.NewRequest("GET", url, nil)
	held, err := rt.RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	defer held.Body.Close()
	req, _ = http.NewRequest("GET", url, nil)
	req.Cancel = cancel //lint:ignore SA1019 programs still set it
	done := make(chan error)
	go func() {
		_, err := rt.RoundTrip(req)
		done <- err
	}()
	synctest.Wait()
	began := time.Now()
	close(cancel)
	err = <-done
	if d := time.Since(began); d != 0 {
		t.Errorf("it ended after %v, want at once", d)
	}
	return err
}

// The end is the same as in net/http for a request that waits under MaxConnsPerHost, and so is
// the error.
func TestRequestCancelEndsTheWaitForASlot(t *testing.T) {
	flushes := func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(200)
		w.(http.Flusher).Flush()
		<-r.Context().Done()
	}
	var want error
	synctest.Test(t, func(t *testing.T) {
		srv := testserver.New(http.HandlerFunc(flushes), testserver.Options{Memory: true})
		defer srv.Close()
		bare := srv.Transport()
		bare.MaxConnsPerHost = 1
		defer bare.CloseIdleConnections()
		want = waitsFor(t, bare, srv.URL, make(chan struct{}))
	})
	for name, o := range map[string]pool.Options{"per host": {MaxPerHost: 1}, "in all": {MaxTotal: 1}} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var open atomic.Int32
				p := pool.New(o)
				defer p.Close()
				err := waitsFor(t, p.Middleware(endless(&open)), "http://host.example/", make(chan struct{}))
				if err == nil || err.Error() != want.Error() {
					t.Errorf("error %v, want that of net/http: %v", err, want)
				}
				if s := p.Stats(); s.Waiting != 0 || s.InUse != 0 || s.WaitsCanceled != 1 {
					t.Errorf("%d waiting, %d in use, %d canceled; want 0, 0, 1", s.Waiting, s.InUse, s.WaitsCanceled)
				}
			})
		})
	}
}

// Over a RoundTripper that it does not know, http.Client's Timeout closes Cancel, too. The
// caller gets the error of the deadline.
func TestAClientsTimeoutInTheQueueIsADeadline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var open atomic.Int32
		p := pool.New(pool.Options{MaxPerHost: 1})
		defer p.Close()
		client := &http.Client{Transport: p.Middleware(endless(&open)), Timeout: time.Second}
		held, err := client.Get("http://host.example/")
		if err != nil {
			t.Fatal(err)
		}
		defer held.Body.Close()
		if _, err := client.Get("http://host.example/"); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("error %v, want that of the deadline", err)
		}
	})
}
