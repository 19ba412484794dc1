package trace_test

import (
	"errors"
	"io"
	"net/http"
	"testing"
	"time"

	"go.opentelemetry.io/otel/attribute"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"

	"github.com/warmconn/warmconn/drain"
	"github.com/warmconn/warmconn/internal/testserver"
	"github.com/warmconn/warmconn/pool"
	"github.com/warmconn/warmconn/roundtripper"
	"github.com/warmconn/warmconn/trace"
)

// seconds is an attribute that is a time; 0 if it is not there.
func seconds(s sdktrace.ReadOnlySpan, key attribute.Key) float64 {
	v, ok := attrs(s)[key]
	if !ok {
		return 0
	}
	return v.AsFloat64()
}

func TestDrainIsOnTheSpan(t *testing.T) {
	r := newRig(t, func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "0123456789") }, testserver.Options{}, drain.New(drain.Options{Policy: drain.Fixed, MaxTime: 5 * time.Second}).Middleware)
	resp, err := r.client.Get(r.srv.URL)
	if err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	resp.Body.Close()
	most := time.Since(began).Seconds()
	want(t, r.last(), map[attribute.Key]any{"warmconn.outcome": "drained", "warmconn.bytes_drained": 10, "warmconn.lost_reason": nil})
	if d := seconds(r.last(), "warmconn.drain_time"); d <= 0 || d > most {
		t.Errorf("the drain took %v s, of a Close of %v s", d, most)
	}
	r.get("/")
	want(t, r.last(), map[attribute.Key]any{"http.conn.reused": true, "warmconn.outcome": "eof", "warmconn.bytes_drained": nil, "warmconn.drain_time": nil})
}

// A request waits for a new connection, from DNS to handshake, and not for an idle one.
func TestWaitForTheConnectionIsOnTheSpan(t *testing.T) {
	r := newRig(t, ok, testserver.Options{TLS: true})
	began := time.Now()
	r.get("/")
	if d, most := seconds(r.last(), "warmconn.conn_wait"), time.Since(began).Seconds(); d <= 0 || d > most {
		t.Errorf("a new connection was waited for %v s, by a request of %v s", d, most)
	}
	r.get("/")
	want(t, r.last(), map[attribute.Key]any{"http.conn.reused": true, "warmconn.conn_wait": nil})
}

func TestRefusalsOfThePoolHaveTheirTypes(t *testing.T) {
	full := pool.New(pool.Options{MaxPerHost: 1, WaitTimeout: 10 * time.Millisecond})
	r := newRig(t, ok, testserver.Options{}, full.Middleware)
	resp, err := r.client.Get(r.srv.URL) // holds the slot
	if err != nil {
		t.Fatal(err)
	}
	if _, err := r.client.Get(r.srv.URL); !errors.Is(err, pool.ErrWaitTimeout) {
		t.Fatalf("error %v, want the pool's", err)
	}
	want(t, r.last(), map[attribute.Key]any{"error.type": "pool_wait_timeout", "warmconn.outcome": "refused", "warmconn.conn_id": nil})
	if d := seconds(r.last(), "warmconn.pool_wait"); d < .01 {
		t.Errorf("waited %v s, want 10 ms or more", d)
	}
	resp.Body.Close()

	for class, err := range map[string]error{
		"pool_queue_full":   &pool.LimitError{Err: pool.ErrQueueFull},
		"pool_wait_timeout": &pool.LimitError{Err: pool.ErrWaitTimeout},
		"pool_shed":         &pool.LimitError{Err: pool.ErrShed},
		"pool_closed":       pool.ErrClosed,
	} {
		recorder := tracetest.NewSpanRecorder()
		rt := trace.New(trace.Options{TracerProvider: sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(recorder))}).
			Middleware(roundtripper.Func(func(*http.Request) (*http.Response, error) { return nil, err }))
		req, _ := http.NewRequest("GET", "http://host.example/", nil)
		rt.RoundTrip(req)
		want(t, recorder.Ended()[0], map[attribute.Key]any{"error.type": class})
	}
}
