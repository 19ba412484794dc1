package roundtripper_test

import (
	"context"
	"net/http"
	"sync"
	"testing"
	"time"

	"go.opentelemetry.io/otel/propagation"

	"github.com/warmconn/warmconn/drain"
	"github.com/warmconn/warmconn/internal/testserver"
	"github.com/warmconn/warmconn/pool"
	"github.com/warmconn/warmconn/roundtripper"
	"github.com/warmconn/warmconn/trace"
)

// full is a stack of every layer, over a server.
type full struct {
	srv   *testserver.Server
	rt    http.RoundTripper
	pool  *pool.Pool
	spans spans

	mu   sync.Mutex
	ends []roundtripper.Exchange
}

func newFull(t *testing.T, h http.HandlerFunc, o testserver.Options, limit int) *full {
	f := &full{srv: testserver.New(h, o), pool: pool.New(pool.Options{
		MaxPerHost: limit, MaxConnAge: time.Hour,
		WaitTimeout: 5 * time.Second, // a caller that waits for itself must fail, not hang
	})}
	t.Cleanup(f.srv.Close)
	f.rt = roundtripper.Wrap(f.srv.Transport(), f.layers()...)
	t.Cleanup(func() { roundtripper.CloseIdleConnections(f.rt) })
	return f
}

func (f *full) layers() []roundtripper.Middleware {
	return []roundtripper.Middleware{
		trace.New(trace.Options{TracerProvider: &f.spans, Propagator: propagation.TraceContext{}}).Middleware,
		roundtripper.Observe(roundtripper.Observer{End: func(_ context.Context, e roundtripper.Exchange) {
			f.mu.Lock()
			defer f.mu.Unlock()
			f.ends = append(f.ends, e)
		}}),
		drain.New(patient).Middleware,
		f.pool.Middleware,
	}
}

// atRest checks that n exchanges have ended, and that nothing is in flight.
func (f *full) atRest(t *testing.T, n int) {
	t.Helper()
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(f.ends) != n {
		t.Errorf("%d exchanges have ended, want %d", len(f.ends), n)
	}
	if got := f.spans.count(); got != n {
		t.Errorf("%d spans, want %d", got, n)
	}
	if s := f.spans.late(); s != "" {
		t.Errorf("after its end a span had %s", s)
	}
	if s := f.pool.Stats(); s.InUse != 0 || s.Waiting != 0 {
		t.Errorf("%d slots in use, %d waiters; want none", s.InUse, s.Waiting)
	}
}

// onOneConn checks that the exchanges, which came one after another, shared a connection; or
// had another in the place of each that net/http did not keep: see scene.read.
func (f *full) onOneConn(t *testing.T) {
	t.Helper()
	f.mu.Lock()
	defer f.mu.Unlock()
	if got, unkept := f.srv.Opened(), unkept(f.ends...); got < 1 || got > 1+unkept {
		t.Errorf("%d connections, of which %d were not kept; want 1", got, unkept)
		for _, e := range f.ends {
			t.Logf("connection %d, new for %q, lost for %q", e.ConnID, e.NewReason, e.LostReason)
		}
	}
}
