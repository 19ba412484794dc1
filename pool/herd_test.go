package pool_test

import (
	"fmt"
	"io"
	"net/http"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/warmconn/warmconn/internal/fullsize"
	"github.com/warmconn/warmconn/internal/testserver"
	"github.com/warmconn/warmconn/pool"
	"github.com/warmconn/warmconn/roundtripper"
)

// herd sends n requests at once, and returns their times to the response's first byte, sorted.
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

// TestAColdHerdDialsOnce: over HTTP/1 that costs the time of one handshake, once. With the bare
// transport beside it all requests dial. The clock is a fake one: on a busy machine a handshake
// would take longer than the herd waits for it.
func TestAColdHerdDialsOnce(t *testing.T) {
	herds := fullsize.Of(100, 10)
	for _, row := range []struct {
		http2     bool
		roundTrip time.Duration
		most      int // dials
	}{
		{true, 0, 1}, {true, 20 * time.Millisecond, 1}, {true, 200 * time.Millisecond, 2},
		{false, 0, herds}, {false, 20 * time.Millisecond, herds}, {false, 200 * time.Millisecond, herds},
	} {
		t.Run(fmt.Sprintf("http2=%v,roundTrip=%v", row.http2, row.roundTrip), func(t *testing.T) {
			median := func(o *pool.Options) (first, second time.Duration, dials int) { // nil: bare net/http
				synctest.Test(t, func(t *testing.T) {
					srv := testserver.New(http.HandlerFunc(hello), testserver.Options{TLS: true, HTTP2: row.http2, Memory: true})
					defer time.Sleep(time.Second) // for bytes on their way
					defer srv.Close()
					base := srv.Transport()
					base.DialContext = testserver.Distant(srv.Dial, row.roundTrip)
					client := &http.Client{Transport: base}
					if o != nil {
						p := pool.New(*o)
						defer p.Close()
						client = roundtripper.Client(client, p.Middleware)
					}
					defer client.CloseIdleConnections()
					first = herd(t, client, srv.URL, herds)[herds/2]
					synctest.Wait()
					dials = srv.Opened()
					if o == nil {
						return
					}
					client.CloseIdleConnections() // the connections are gone, what was learned is not
					second = herd(t, client, srv.URL, herds)[herds/2]
				})
				return first, second, dials
			}
			bareFirst, _, bareDials := median(nil)
			first, second, dials := median(&pool.Options{})
			t.Logf("first byte, median: bare %v, %d dials; kit %v, %d dials; once the host is known %v", bareFirst, bareDials, first, dials, second)
			if dials > row.most {
				t.Errorf("%d dials, want at most %d", dials, row.most)
			}
			// A connect, a handshake and an answer. Over HTTP/2 there are the server's SETTINGS, and
			// over HTTP/1, the first time, the dial that shows the protocol: a connect and a handshake.
			firstMost, secondMost := 4*row.roundTrip, 4*row.roundTrip
			if !row.http2 {
				firstMost, secondMost = 5*row.roundTrip, 3*row.roundTrip
			}
			if first > firstMost || second > secondMost {
				t.Errorf("want %v and %v at most", firstMost, secondMost)
			}
		})
	}
}
