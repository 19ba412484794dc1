package pool_test

import (
	"fmt"
	"io"
	"net/http"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/warmconn/warmconn/internal/testserver"
	"github.com/warmconn/warmconn/pool"
	"github.com/warmconn/warmconn/roundtripper"
)

// herd sends as many requests at once, and returns how long each took to its response's
// first byte, sorted.
func herd(t *testing.T, client *http.Client, url string, n int) []time.Duration {
	took := make([]time.Duration, n)
	start := make(chan struct{})
	var wg sync.WaitGroup
	for i := range took {
		wg.Go(func() {
			<-start
			began := time.Now()
			resp, err := client.Get(url)
			if err != nil {
				t.Error(err)
				return
			}
			took[i] = time.Since(began)
			io.Copy(io.Discard, resp.Body)
			resp.Body.Close()
		})
	}
	close(start)
	wg.Wait()
	slices.Sort(took)
	return took
}

// TestAColdHerdDialsOnce, and over HTTP/1 it pays for that with one handshake, once. The
// bare transport beside has all of them dial.
func TestAColdHerdDialsOnce(t *testing.T) {
	const herds = 100
	for _, row := range []struct {
		http2     bool
		roundTrip time.Duration
		most      int // dials
	}{
		{true, 0, 2}, {true, 20 * time.Millisecond, 2}, {true, 200 * time.Millisecond, 2},
		{false, 0, herds}, {false, 20 * time.Millisecond, herds}, {false, 200 * time.Millisecond, herds},
	} {
		t.Run(fmt.Sprintf("http2=%v,roundTrip=%v", row.http2, row.roundTrip), func(t *testing.T) {
			if row.roundTrip > 100*time.Millisecond {
				t.Parallel() // it waits most of the time
			}
			median := func(kit bool) (first, second time.Duration, dials int) {
				srv := testserver.New(http.HandlerFunc(hello), testserver.Options{TLS: true, HTTP2: row.http2})
				defer srv.Close()
				base := srv.Transport()
				base.DialContext = testserver.Distant(srv.Dial, row.roundTrip)
				client := &http.Client{Transport: base}
				defer client.CloseIdleConnections()
				if kit {
					p := pool.New(pool.Options{})
					defer p.Close()
					client = roundtripper.Client(client, p.Middleware)
				}
				first = herd(t, client, srv.URL, herds)[herds/2]
				dials = srv.Opened()
				if !kit {
					return first.Round(time.Millisecond), 0, dials
				}
				client.CloseIdleConnections() // the connections are gone, what was learned is not
				second = herd(t, client, srv.URL, herds)[herds/2]
				return first.Round(time.Millisecond), second.Round(time.Millisecond), dials
			}
			bareFirst, _, bareDials := median(false)
			first, second, dials := median(true)
			if dials > row.most {
				t.Logf("%d dials: once more, for on a busy machine a handshake takes too long", dials)
				first, second, dials = median(true)
			}
			t.Logf("first byte, median: bare %v, %d dials; kit %v, %d dials; once the host is known %v", bareFirst, bareDials, first, dials, second)
			if dials > row.most {
				t.Errorf("%d dials, want at most %d", dials, row.most)
			}
		})
	}
}
