package trace_test

import (
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	sdktrace "go.opentelemetry.io/otel/sdk/trace"

	"github.com/warmconn/warmconn/internal/testserver"
	"github.com/warmconn/warmconn/pool"
	"github.com/warmconn/warmconn/roundtripper"
	"github.com/warmconn/warmconn/trace"
)

// A connection that Warm has made is idle before its first request. The span of its making
// does not last until then, and no request has waited for it.
func TestTheMakingOfAWarmedConnectionEndsBeforeItLiesIdle(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv := testserver.New(http.HandlerFunc(ok), testserver.Options{Memory: true})
		defer srv.Close()
		spans := &tally{open: map[string]string{}}
		p := pool.New(pool.Options{})
		defer p.Close()
		client := roundtripper.Client(&http.Client{Transport: srv.Transport()}, trace.New(trace.Options{
			ConnectionSpans: true, TracerProvider: sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(spans)),
		}).Middleware, p.Middleware)
		defer client.CloseIdleConnections() // and not by the collector, outside of the bubble
		warmed := time.Now()
		if n, err := p.Warm(t.Context(), client.Transport, srv.URL, 1); n != 1 || err != nil {
			t.Fatalf("%d ready, %v", n, err)
		}
		time.Sleep(time.Minute)
		if err := do(client, within(t, 20*time.Second, srv.URL)); err != nil {
			t.Fatal(err)
		}
		setups := named(spans.ended, "connection_setup")
		if len(setups) != 1 || !setups[0].StartTime().Equal(warmed) || setups[0].EndTime().Sub(warmed) > time.Second {
			t.Errorf("spans of the making: %v", setups)
		}
		if w := named(spans.ended, "wait_for_connection"); len(w) != 0 {
			t.Errorf("%d waits", len(w))
		}
	})
}
