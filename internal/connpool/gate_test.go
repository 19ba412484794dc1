package connpool

import (
	"context"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/warmconn/warmconn/internal/testserver"
)

// slowReads is a connection whose first Read takes a time: the server is slow to shake hands.
type slowReads struct {
	net.Conn
	first sync.Once
	by    time.Duration
}

func (c *slowReads) Read(p []byte) (int, error) {
	c.first.Do(func() { time.Sleep(c.by) })
	return c.Conn.Read(p)
}

// TestAColdHerdWaitsAtTheGate for as long as a dial makes progress, and not for long for one
// that does not. Times are exact, for the clock is a fake one; a request looks at the gate
// every 100 ms.
func TestAColdHerdWaitsAtTheGate(t *testing.T) {
	const herd = 30
	const ms = time.Millisecond
	for _, row := range []struct {
		name      string
		http2     bool
		roundTrip time.Duration
		shake     time.Duration // how much longer the server takes for it
		hang      int32         // how many dials do
		timeout   time.Duration // of the requests
		most      int32         // dials
		last      time.Duration // the last response, at most
	}{
		{name: "near", http2: true, roundTrip: 20 * ms, most: 1, last: 80 * ms},
		{name: "near, HTTP/1", roundTrip: 20 * ms, most: herd, last: 100 * ms}, // 40 ms more than bare
		{name: "far", http2: true, roundTrip: 200 * ms, most: 2, last: 800 * ms},
		{name: "far, HTTP/1", roundTrip: 200 * ms, most: herd, last: 1000 * ms},
		{name: "farther", http2: true, roundTrip: 300 * ms, most: 2, last: 1200 * ms},
		{name: "farther than two dials wait", http2: true, roundTrip: 600 * ms, most: herd, last: 2400 * ms},
		{name: "slow to shake hands", http2: true, roundTrip: 20 * ms, shake: 300 * ms, most: 2, last: 400 * ms},
		{name: "very slow to shake hands", http2: true, roundTrip: 20 * ms, shake: 2000 * ms, most: herd, last: 2100 * ms},
		{name: "the first hangs", http2: true, roundTrip: 20 * ms, hang: 1, most: 2, last: 180 * ms},
		{name: "the first hangs, HTTP/1", roundTrip: 20 * ms, hang: 1, most: herd + 1, last: 200 * ms},
		{name: "two hang", http2: true, roundTrip: 20 * ms, hang: 2, most: herd, last: 600 * ms},
		{name: "two hang, HTTP/1", roundTrip: 20 * ms, hang: 2, most: herd + 2, last: 600 * ms},
		{name: "far, HTTP/1, and in a hurry", roundTrip: 200 * ms, timeout: time.Second, most: herd, last: 800 * ms},
	} {
		t.Run(row.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := testserver.New(http.HandlerFunc(hello), testserver.Options{TLS: true, HTTP2: row.http2, Memory: true})
				defer s.Close()
				base := s.Transport()
				far := testserver.Distant(s.Dial, row.roundTrip)
				var dials atomic.Int32
				base.DialContext = func(ctx context.Context, network, addr string) (net.Conn, error) {
					if dials.Add(1) <= row.hang {
						<-ctx.Done()
						return nil, ctx.Err()
					}
					nc, err := far(ctx, network, addr)
					return &slowReads{Conn: nc, by: row.shake}, err
				}
				p := newPool(t, base, Options{})
				ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
				if row.timeout > 0 {
					ctx, cancel = context.WithTimeout(t.Context(), row.timeout)
				}
				defer cancel()
				began, last := time.Now(), time.Duration(0)
				var done []<-chan error
				for range herd {
					done = append(done, send(ctx, rt{p: p}, s.URL))
				}
				for _, d := range done {
					if err := <-d; err != nil {
						t.Fatal(err)
					}
					last = max(last, time.Since(began))
				}
				n := dials.Load()
				t.Logf("%d dials, the last response behind %v", n, last)
				if n > row.most || last > row.last+2*ms {
					t.Errorf("%d dials, the last response behind %v; want at most %d, %v", n, last, row.most, row.last)
				}
				settles(t, p)
				time.Sleep(3 * time.Second) // until the dials that were under way have ended
			})
		})
	}
}

// TestNoGateWhereEachRequestHasAConnectionOfItsOwn: there a dial serves no other request.
func TestNoGateWhereEachRequestHasAConnectionOfItsOwn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := testserver.New(http.HandlerFunc(hello), testserver.Options{TLS: true, HTTP2: true, Memory: true})
		defer s.Close()
		base := s.Transport()
		base.DisableKeepAlives = true
		base.DialContext = testserver.Distant(s.Dial, 20*time.Millisecond)
		p := newPool(t, base, Options{})
		began := time.Now()
		a, b := send(t.Context(), rt{p: p}, s.URL), send(t.Context(), rt{p: p}, s.URL)
		for _, done := range []<-chan error{a, b} {
			if err := <-done; err != nil {
				t.Error(err)
			}
		}
		if took := time.Since(began); took > 62*time.Millisecond {
			t.Errorf("two requests took %v, want a connect, a handshake and an answer of 20 ms each", took)
		}
		settles(t, p)
		time.Sleep(time.Second)
	})
}
