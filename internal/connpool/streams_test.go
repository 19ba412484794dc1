package connpool

import (
	"context"
	"crypto/tls"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/warmconn/warmconn/internal/eventually"
	"github.com/warmconn/warmconn/internal/ledger"
	"github.com/warmconn/warmconn/internal/loss"
)

// fewStreams is an HTTP/2 server that takes that many streams at once on a connection.
// If held is not nil, a response waits for it.
func fewStreams(t *testing.T, most int, held *atomic.Pointer[chan struct{}], there *atomic.Int32) (*httptest.Server, *Pool) {
	srv := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		there.Add(1)
		defer there.Add(-1)
		if c := held.Load(); c != nil {
			<-*c
		}
		io.WriteString(w, "hello")
	}))
	srv.EnableHTTP2 = true
	srv.Config.HTTP2 = &http.HTTP2Config{MaxConcurrentStreams: most}
	var trusts *tls.Config
	srv.TLS, trusts = newTLS(t)
	srv.StartTLS()
	base := &http.Transport{TLSClientConfig: trusts, ForceAttemptHTTP2: true}
	clone := base.Clone()
	clone.ForceAttemptHTTP2 = true
	p := New(base, clone, ledger.New(base), Options{})
	t.Cleanup(func() {
		p.Shutdown()
		srv.CloseClientConnections()
		srv.Close()
	})
	return srv, p
}

func opened(p *Pool) (n uint64) {
	p.Counts(func(c ledger.Counts) { n += c.Tally.Opened })
	return n
}

// TestStreamThatEndsIsWaitedFor: net/http ends a stream a moment after its response.
// That is no GOAWAY, and no reason for a dial.
func TestStreamThatEndsIsWaitedFor(t *testing.T) {
	var held atomic.Pointer[chan struct{}]
	var there atomic.Int32
	srv, p := fewStreams(t, 1, &held, &there)
	exchange(t, p, srv.URL, Policy{}, false) // the limit is known
	const workers, requests = 8, 100
	var wg sync.WaitGroup
	for range workers {
		wg.Go(func() {
			for range requests {
				exchange(t, p, srv.URL, Policy{}, false)
			}
		})
	}
	wg.Wait()
	t.Logf("%d connections for %d requests at once", opened(p), workers)
	// On a machine that is too busy the stream ends later than the wait for it.
	if n := opened(p); n > 3*workers {
		t.Errorf("%d connections for %d requests at once", n, workers)
	}
}

// TestLimitOfStreamsIsRemembered: before its own SETTINGS have come, a new connection gets no
// more streams than the others have taken.
func TestLimitOfStreamsIsRemembered(t *testing.T) {
	for _, most := range []int{1, 2, 4} {
		var held atomic.Pointer[chan struct{}]
		var there atomic.Int32
		srv, p := fewStreams(t, most, &held, &there)
		exchange(t, p, srv.URL, Policy{}, false)
		hold := make(chan struct{})
		held.Store(&hold)
		const workers = 8
		var wg sync.WaitGroup
		for range workers {
			wg.Go(func() {
				if got := exchange(t, p, srv.URL, Policy{}, false); len(got) != 1 {
					t.Errorf("limit %d: a request was given %d connections, one after another", most, len(got))
				}
			})
		}
		eventually.True(t, "all requests to be there", func() bool { return there.Load() == workers || t.Failed() })
		// On a busy machine there are more: requests do not wait for SETTINGS that are late.
		if n := opened(p); n < uint64(workers/most) || n > workers {
			t.Errorf("limit %d: %d connections for %d requests at once", most, n, workers)
		}
		close(hold)
		wg.Wait()
	}
}

// goAways counts the GOAWAY frames that come on an unencrypted HTTP/2 connection.
type goAways struct {
	net.Conn
	n    *atomic.Int64
	skip int    // of the frame's payload
	head []byte // of the frame's header, what has come
}

func (c *goAways) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	for b := p[:n]; len(b) > 0; {
		if k := min(c.skip, len(b)); k > 0 {
			c.skip -= k
			b = b[k:]
			continue
		}
		k := min(9-len(c.head), len(b))
		c.head = append(c.head, b[:k]...)
		b = b[k:]
		if len(c.head) == 9 {
			if c.head[3] == 7 {
				c.n.Add(1)
			}
			c.skip = int(c.head[0])<<16 | int(c.head[1])<<8 | int(c.head[2])
			c.head = c.head[:0]
		}
	}
	return n, err
}

// TestFewStreamsAreNoGoAway: a connection that has no stream left looks like one on which the
// server takes no more.
func TestFewStreamsAreNoGoAway(t *testing.T) {
	for _, most := range []int{1, 2, 4} {
		s, transport := limited(t, most, false, hello)
		var frames atomic.Int64
		base := transport()
		base.DialContext = func(ctx context.Context, network, addr string) (net.Conn, error) {
			nc, err := s.Dial(ctx, network, addr)
			return &goAways{Conn: nc, n: &frames}, err
		}
		p := newPool(t, base, Options{})
		var workers sync.WaitGroup
		for range 12 {
			workers.Go(func() {
				for range 40 {
					exchange(t, p, s.URL, Policy{}, false)
				}
			})
		}
		workers.Wait()
		if n := int64(lost(p, loss.GoAway)); n > frames.Load() {
			t.Errorf("limit %d: %d connections lost for a GOAWAY, of which %d came", most, n, frames.Load())
		}
	}
}
