package warmconn_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"path"
	"runtime"
	"strconv"
	"testing"
	"time"

	"go.opentelemetry.io/otel/sdk/metric"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"

	"github.com/warmconn/warmconn"
	"github.com/warmconn/warmconn/internal/eventually"
	"github.com/warmconn/warmconn/internal/testserver"
	"github.com/warmconn/warmconn/pool"
	"github.com/warmconn/warmconn/roundtripper"
	"github.com/warmconn/warmconn/roundtripper/roundtrippertest"
	"github.com/warmconn/warmconn/trace"
)

// lengths is a server whose /length/N is a body of N bytes, of known length.
func lengths(t *testing.T) *testserver.Server {
	srv := testserver.New(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		n, _ := strconv.Atoi(path.Base(r.URL.Path))
		w.Header().Set("Content-Length", strconv.Itoa(n))
		w.Write(make([]byte, n))
	}), testserver.Options{})
	t.Cleanup(srv.Close)
	return srv
}

func TestAKitIsAMiddleware(t *testing.T) {
	roundtrippertest.TestMiddleware(t, func(next http.RoundTripper) http.RoundTripper {
		return warmconn.New(warmconn.Options{}).Middleware(next)
	})
}

func TestClientsOfAKitShareItsConnections(t *testing.T) {
	srv := lengths(t)
	kit := warmconn.New(warmconn.Options{})
	defer kit.Shutdown(t.Context())
	given := &http.Client{Timeout: time.Minute}
	var clients []*http.Client // the connections of clients that are all collected are closed
	for range 10 {
		c := kit.Client(given)
		clients = append(clients, c)
		if given.Transport != nil || c.Timeout != time.Minute {
			t.Fatal("the client was changed, or not copied")
		}
		resp, err := c.Get(srv.URL + "/length/1000")
		if err != nil {
			t.Fatal(err)
		}
		io.Copy(io.Discard, resp.Body)
		resp.Body.Close()
	}
	if s := kit.Stats(); s.Opened != 1 || s.Requests != 10 {
		t.Errorf("%d connections for %d requests, want 1 for 10", s.Opened, s.Requests)
	}
	runtime.KeepAlive(clients)
}

func TestShutdownTellsItsContextsError(t *testing.T) {
	srv := lengths(t)
	kit := warmconn.New(warmconn.Options{Trace: trace.Options{Annotate: true}})
	resp, err := kit.Client(nil).Get(srv.URL + "/length/1000000")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := kit.Shutdown(ctx); err != context.Canceled {
		t.Errorf("Shutdown with a body open: %v, want context canceled", err)
	}
	if n, err := io.Copy(io.Discard, resp.Body); n != 1000000 || err != nil {
		t.Errorf("the body had %d bytes and %v", n, err)
	}
	resp.Body.Close()
	if err := kit.Shutdown(t.Context()); err != nil {
		t.Error(err)
	}
	if _, err := kit.Client(nil).Get(srv.URL); !errors.Is(err, pool.ErrClosed) {
		t.Errorf("after Shutdown a request has error %v, want %v", err, pool.ErrClosed)
	}
}

func TestAKitOverItselfIsOneKit(t *testing.T) {
	kit := warmconn.New(warmconn.Options{})
	once := kit.Client(nil)
	if twice := kit.Client(once); roundtripper.Describe(twice.Transport) != roundtripper.Describe(once.Transport) {
		t.Errorf("wrapped twice:\n%s", roundtripper.Describe(twice.Transport))
	}
}

// New's doc promises this to programs that never call Shutdown.
func TestADroppedKitLeavesNothingBehind(t *testing.T) {
	srv := lengths(t)
	func() {
		kit := warmconn.New(warmconn.Options{Trace: trace.Options{
			TracerProvider: sdktrace.NewTracerProvider(),
			MeterProvider:  metric.NewMeterProvider(metric.WithReader(metric.NewManualReader())),
		}})
		client := kit.Client(&http.Client{Transport: srv.Transport()})
		for range 3 {
			resp, err := client.Get(srv.URL + "/length/32768")
			if err != nil {
				t.Fatal(err)
			}
			resp.Body.Close()
		}
		if srv.Open() == 0 {
			t.Error("no connection is open that could be left behind")
		}
		runtime.KeepAlive(client)
	}()
	eventually.Collected(t, "the dropped kit's connections to be closed", func() bool {
		return srv.Open() == 0
	})
}
