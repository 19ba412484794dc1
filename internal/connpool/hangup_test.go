package connpool

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"net/http"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/warmconn/warmconn/internal/eventually"
)

// TestAServerThatClosesAtOnceIsDialedOnceForARequest: after a new connection that broke no
// other is dialed, or a request would dial for as long as it lives.
func TestAServerThatClosesAtOnceIsDialedOnceForARequest(t *testing.T) {
	t.Parallel() // it waits
	for _, protocol := range []string{"http", "h2"} {
		t.Run(protocol, func(t *testing.T) {
			url, base := "", &http.Transport{}
			if protocol == "h2" {
				url, base = scriptH2(t, func(_ int, c *h2) { c.goAway(0, 0) })
			} else {
				url = "http://" + script(t, func(int, net.Conn, *bufio.Reader) {})
			}
			var dials atomic.Int64
			base.DialContext = func(ctx context.Context, network, addr string) (net.Conn, error) {
				dials.Add(1)
				return new(net.Dialer).DialContext(ctx, network, addr)
			}
			most := map[string]int64{}
			for _, own := range []bool{false, true} {
				var r http.RoundTripper = base
				if own {
					r = rt{p: newPool(t, base, Options{})}
				}
				for range 20 {
					ctx, cancel := context.WithTimeout(context.Background(), 300*time.Millisecond)
					dials.Store(0)
					resp, err := openGet(ctx, r, url)
					cancel()
					if err == nil {
						resp.Body.Close()
						t.Fatalf("own %v: no error", own)
					}
					most[fmt.Sprint(own)] = max(most[fmt.Sprint(own)], dials.Load())
					if protocol == "h2" {
						break
					}
				}
			}
			limit := int64(1)
			if protocol == "h2" {
				limit = h2Retries
			}
			if most["true"] > limit {
				t.Errorf("%d dials for one request, bare net/http makes %d", most["true"], most["false"])
			}
		})
	}
}

// TestAServerThatHangsUpOnEachRequestIsDialedOnceForEach, also when requests come together: a
// request that gets the connection that another one dialed has a new one, too.
func TestAServerThatHangsUpOnEachRequestIsDialedOnceForEach(t *testing.T) {
	const requests = 10
	var came atomic.Int64
	addr := script(t, func(_ int, _ net.Conn, r *bufio.Reader) {
		if read(r) != nil {
			came.Add(1)
		}
	})
	for _, own := range []bool{false, true} {
		base := &http.Transport{}
		d := newDialer(base)
		var r http.RoundTripper = base
		if own {
			r = rt{p: newPool(t, base, Options{})}
		}
		var all []<-chan error
		var dials []chan error
		for range requests {
			all = append(all, send(t.Context(), r, "http://"+addr))
			dials = append(dials, <-d.begun)
		}
		for _, dial := range slices.Backward(dials) {
			before := came.Load()
			dial <- nil
			eventually.True(t, "a request to come", func() bool { return came.Load() > before })
		}
		d.open(t)
		for _, done := range all {
			if err := <-done; err == nil {
				t.Error("a response")
			}
		}
		if n := d.started.Load(); n != requests {
			t.Errorf("own %v: %d dials for %d requests", own, n, requests)
		}
	}
}
