package poolzbrowser

import (
	"context"
	"io"
	"math/rand/v2"
	"net/http"
	"runtime"
	"sync"
	"time"
)

// day is load as a program might have, hosts that fare well and some that don't, until end is
// called.
func (w *world) day(ctx context.Context) (end func()) {
	ctx, cancel := context.WithCancel(ctx)
	var all sync.WaitGroup
	every := func(pause time.Duration, f func()) {
		all.Go(func() {
			for ctx.Err() == nil {
				f()
				select {
				case <-time.After(time.Duration(float64(pause) * (0.5 + rand.Float64()))):
				case <-ctx.Done():
				}
			}
		})
	}
	base := w.transport()
	good := w.client(base)
	began := time.Now()
	wave := func() bool { return time.Since(began)%(40*time.Second) < 25*time.Second }
	for range 12 {
		every(40*time.Millisecond, func() { w.quietly(good, "http://search.example/slow?for=15ms") })
	}
	for range 6 {
		every(60*time.Millisecond, func() {
			if wave() {
				w.quietly(good, "http://accounts.example/slow?for=5ms")
			}
		})
	}
	for range 60 {
		every(time.Second, func() { w.quietly(good, "http://reports.example/slow?for=700ms") })
	}
	every(300*time.Millisecond, func() { w.quietly(good, "http://rates.example/") })
	none := w.transport()
	none.DisableKeepAlives = true
	rare := w.client(none)
	every(400*time.Millisecond, func() { w.quietly(rare, "http://licences.example/") })
	every(150*time.Millisecond, func() { w.status(good) })
	every(3*time.Second, func() { w.forgets(good); runtime.GC() })
	every(2*time.Second, func() { w.hurries(good) })
	return func() {
		cancel()
		all.Wait()
	}
}

func (w *world) quietly(c *http.Client, url string) {
	if resp, err := c.Get(url); err == nil {
		io.Copy(io.Discard, resp.Body)
		resp.Body.Close()
	}
}

// status wants to know no more than whether there is an answer.
func (w *world) status(c *http.Client) {
	if resp, err := c.Get("http://exports.example/long"); err == nil {
		resp.Body.Close()
	}
}

// forgets has an error path without a Close.
func (w *world) forgets(c *http.Client) { c.Get("http://billing.example/invoices/17") }

// hurries has a deadline that is shorter than the answer.
func (w *world) hurries(c *http.Client) {
	ctx, cancel := context.WithTimeout(context.Background(), 50*time.Millisecond)
	defer cancel()
	req, _ := http.NewRequestWithContext(ctx, "GET", "http://search.example/slow?for=2s", nil)
	if resp, err := c.Do(req); err == nil {
		resp.Body.Close()
	}
}
