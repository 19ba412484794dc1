package connpool

import (
	"context"
	"net"
	"net/http"
	"net/http/httptrace"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/warmconn/warmconn/internal/eventually"
	"github.com/warmconn/warmconn/internal/fullsize"
)

// counting has base count its dials.
func counting(base *http.Transport) *atomic.Int32 {
	n := new(atomic.Int32)
	base.DialContext = func(ctx context.Context, network, addr string) (net.Conn, error) {
		n.Add(1)
		return new(net.Dialer).DialContext(ctx, network, addr)
	}
	return n
}

// TestAConnectionThatGoesAwayAtOnceHoldsNoRequestUp: the GOAWAY may be read before the
// request has its connection. It is sent again at once, and behind that with net/http's
// backoff: two dials are seen, if it does not fail before.
func TestAConnectionThatGoesAwayAtOnceHoldsNoRequestUp(t *testing.T) {
	const workers = 20
	requests := fullsize.Of(3, 1)
	var all sync.WaitGroup
	for range workers {
		url, base := scriptH2(t, func(_ int, c *h2) {
			c.goAway(0, 0)
			c.request() // and keeps the socket open
		})
		dials := counting(base)
		r := rt{p: newPool(t, base, Options{})}
		all.Go(func() {
			for range requests {
				before := dials.Load()
				ctx, cancel := context.WithCancel(t.Context())
				sent := send(ctx, r, url)
				var err error
				for end := time.Now().Add(10 * time.Second); err == nil && dials.Load()-before < 2; {
					select {
					case err = <-sent: // it had the last one's dial, and met the end of the socket
					case <-time.After(time.Millisecond):
						if time.Now().After(end) {
							t.Error("the request waits for a connection that is gone")
							end = end.Add(time.Hour)
							cancel()
						}
					}
				}
				cancel()
				if err == nil {
					err = <-sent
				}
				if err == nil {
					t.Error("a response that the server has not sent")
				}
			}
		})
	}
	all.Wait()
}

// TestAServerThatHangsUpIsDialedOnceThoughItsSettingsCame: the request fails with net/http's
// error for the connection, also if it comes to that late.
func TestAServerThatHangsUpIsDialedOnceThoughItsSettingsCame(t *testing.T) {
	url, base := scriptH2(t, func(int, *h2) {})
	dials := counting(base)
	r := rt{p: newPool(t, base, Options{})}
	hooks := &httptrace.ClientTrace{GotConn: func(httptrace.GotConnInfo) {
		eventually.True(t, "net/http to read the connection's end", func() (read bool) {
			r.p.hosts.each(func(h *Host) {
				h.mu.Lock()
				defer h.mu.Unlock()
				read = len(h.direct.shared) == 0 || h.direct.shared[0].cc.Err() != nil
			})
			return read
		})
	}}
	ctx, cancel := context.WithTimeout(httptrace.WithClientTrace(t.Context(), hooks), hangs)
	defer cancel()
	if err := <-send(ctx, r, url); err == nil || ctx.Err() != nil {
		t.Errorf("error %v, context %v", err, ctx.Err())
	}
	if n := dials.Load(); n != 1 {
		t.Errorf("%d dials for one request", n)
	}
}
