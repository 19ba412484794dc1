package warmconn_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/url"
	"os"
	"testing"
	"testing/synctest"
	"time"

	sdktrace "go.opentelemetry.io/otel/sdk/trace"

	"github.com/warmconn/warmconn"
	"github.com/warmconn/warmconn/drain"
	"github.com/warmconn/warmconn/internal/testserver"
	"github.com/warmconn/warmconn/pool"
	"github.com/warmconn/warmconn/roundtripper"
)

// Kit.Client's doc promises this of http.Client's Timeout.
func TestTheClientsTimeoutBoundsQueueAndBody(t *testing.T) {
	const timeout = time.Second
	synctest.Test(t, func(t *testing.T) {
		srv := testserver.New(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			w.(http.Flusher).Flush()
			if r.URL.Path == "/stuck" {
				<-r.Context().Done()
			}
			io.WriteString(w, "hello")
		}), testserver.Options{Memory: true})
		defer srv.Close()
		base := srv.Transport()
		defer base.CloseIdleConnections()
		kit := warmconn.New(warmconn.Options{Pool: pool.Options{MaxPerHost: 1}})
		var seen []roundtripper.Exchange
		observe := roundtripper.Observe(roundtripper.Observer{End: func(_ context.Context, e roundtripper.Exchange) { seen = append(seen, e) }})
		client := roundtripper.Client(&http.Client{Transport: base, Timeout: timeout}, observe, kit.Middleware)
		defer client.CloseIdleConnections()

		stuck, err := client.Get(srv.URL + "/stuck")
		if err != nil {
			t.Fatal(err)
		}
		began := time.Now()
		hasty := *client
		hasty.Timeout = timeout / 2
		_, err = hasty.Get(srv.URL + "/queued")
		var ue *url.Error
		if !errors.As(err, &ue) || !ue.Timeout() || time.Since(began) != hasty.Timeout {
			t.Errorf("a request that waits for a slot has %v after %v, want a timeout after %v", err, time.Since(began), hasty.Timeout)
		}
		if _, err := io.ReadAll(stuck.Body); !os.IsTimeout(err) {
			t.Errorf("a body that does not come has %v, want a timeout", err)
		}
		stuck.Body.Close()
		resp, err := client.Get(srv.URL + "/next")
		if err != nil {
			t.Fatal(err)
		}
		io.Copy(io.Discard, resp.Body)
		resp.Body.Close()
		if len(seen) != 3 {
			t.Fatalf("%d exchanges, want 3", len(seen))
		}
		if e := seen[0]; e.Outcome != roundtripper.OutcomeRefused || e.QueueWait != hasty.Timeout {
			t.Errorf("in the queue: %v", e)
		}
		if e := seen[1]; e.Outcome != roundtripper.OutcomeCanceled || e.LostReason != roundtripper.ReasonTimeout || e.Duration != timeout {
			t.Errorf("in the body: %v", e)
		}
		if e := seen[2]; e.NewReason != roundtripper.ReasonTimeout || e.Culprit.Caller == "" {
			t.Errorf("the next: %v", e)
		}
		if err := kit.Shutdown(t.Context()); err != nil {
			t.Error(err)
		}
	})
}

// After Shutdown no connection is worth a drain, the pool's own or not.
func TestShutdownWaitsForNoBackgroundDrain(t *testing.T) {
	for name, over := range map[string]func(*http.Transport) http.RoundTripper{
		"owned":    func(base *http.Transport) http.RoundTripper { return base },
		"observed": func(base *http.Transport) http.RoundTripper { return foreign{sdktrace.NewTracerProvider(), base} },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				srv := testserver.New(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					w.(http.Flusher).Flush()
					<-r.Context().Done()
				}), testserver.Options{Memory: true})
				defer srv.Close()
				base := srv.Transport()
				defer base.CloseIdleConnections()
				kit := warmconn.New(warmconn.Options{Drain: drain.Options{Policy: drain.Fixed, MaxTime: time.Minute, Background: 1}})
				client := kit.Client(&http.Client{Transport: over(base)})
				resp, err := client.Get(srv.URL)
				if err != nil {
					t.Fatal(err)
				}
				began := time.Now()
				resp.Body.Close()
				synctest.Wait()
				if n := kit.Stats().InUse; n != 1 {
					t.Fatalf("%d slots in use, want that of the drain", n)
				}
				if err := kit.Shutdown(t.Context()); err != nil || time.Since(began) != 0 {
					t.Errorf("Shutdown took %v: %v", time.Since(began), err)
				}
			})
		})
	}
}
