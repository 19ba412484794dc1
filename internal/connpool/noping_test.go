package connpool

import (
	"context"
	"net/http"
	"testing"
	"time"
)

// TestAConnectionIsClosedThoughAPingIsNotAnswered: net/http pings after a RST_STREAM, and
// counts the stream as in flight until the answer comes. CloseIdleConnections must not count
// it, for the peer may be dead.
func TestAConnectionIsClosedThoughAPingIsNotAnswered(t *testing.T) {
	there, closed := make(chan struct{}, 10), make(chan struct{}, 10)
	url, base := scriptH2(t, func(_ int, c *h2) {
		c.answer(c.request())
		c.request() // and no answer
		there <- struct{}{}
		for c.request() != 0 {
		}
		closed <- struct{}{}
	})
	bareAndPool(t, Options{}, base.Clone, func(t *testing.T, r http.RoundTripper) {
		must(t, r, url)
		ctx, cancel := context.WithCancel(t.Context())
		done := send(ctx, r, url)
		<-there
		cancel()
		<-done
		for range 30 { // net/http's stream ends a moment later
			<-time.After(100 * time.Millisecond)
			r.(interface{ CloseIdleConnections() }).CloseIdleConnections()
			select {
			case <-closed:
				return
			default:
			}
		}
		t.Error("the connection is open for good")
	})
}

func (t rt) CloseIdleConnections() { t.p.CloseIdleConnections() }
