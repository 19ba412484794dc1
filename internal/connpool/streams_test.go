package connpool

import (
	"io"
	"net/http"
	"net/http/httptest"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/warmconn/warmconn/internal/ledger"
)

// fewStreams is an HTTP/2 server that takes so many streams at once on a connection.
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
	srv.StartTLS()
	base := srv.Client().Transport.(*http.Transport).Clone()
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
	// On a machine that is too busy it ends later than it is waited for.
	if n := opened(p); n > 3*workers {
		t.Errorf("%d connections for %d requests at once", n, workers)
	}
}

// TestLimitOfStreamsIsRemembered: a new connection gets no more streams than the
// others took, before its own SETTINGS have come.
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
		for there.Load() < workers {
			if t.Failed() {
				break
			}
		}
		// On a busy machine one more: a stream that ends late is not waited for.
		if n := opened(p); n < uint64(workers/most) || n > uint64(workers/most)+1 {
			t.Errorf("limit %d: %d connections for %d requests at once", most, n, workers)
		}
		close(hold)
		wg.Wait()
	}
}
