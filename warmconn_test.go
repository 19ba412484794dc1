package warmconn_test

import (
	"context"
	"io"
	"net/http"
	"path"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"go.opentelemetry.io/otel/attribute"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"

	"github.com/warmconn/warmconn"
	"github.com/warmconn/warmconn/internal/testserver"
	"github.com/warmconn/warmconn/pool"
	"github.com/warmconn/warmconn/roundtripper"
	"github.com/warmconn/warmconn/roundtripper/roundtrippertest"
	"github.com/warmconn/warmconn/trace"
)

// foreign is a tracing middleware of somebody else's, which can't be looked through and
// ends its span when the response has come.
type foreign struct {
	tracer *sdktrace.TracerProvider
	next   http.RoundTripper
}

func (f foreign) RoundTrip(req *http.Request) (*http.Response, error) {
	ctx, span := f.tracer.Tracer("foreign").Start(req.Context(), "HTTP "+req.Method)
	defer span.End()
	return f.next.RoundTrip(req.WithContext(ctx))
}

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

func TestBaseStandsWhereItOwnsConnections(t *testing.T) {
	srv := lengths(t)
	for _, test := range []struct {
		name  string
		chain func(*warmconn.Kit, *sdktrace.TracerProvider) http.RoundTripper
		owned bool
	}{
		{"inside", func(k *warmconn.Kit, tp *sdktrace.TracerProvider) http.RoundTripper {
			return foreign{tp, k.Base()}
		}, true},
		{"outside", func(k *warmconn.Kit, tp *sdktrace.TracerProvider) http.RoundTripper {
			return k.Wrap(foreign{tp, http.DefaultTransport.(*http.Transport).Clone()})
		}, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			var mu sync.Mutex
			var warnings []pool.Warning
			kit := warmconn.New(warmconn.Options{Annotate: true, OnWarning: func(w pool.Warning) {
				mu.Lock()
				defer mu.Unlock()
				warnings = append(warnings, w)
			}})
			spans := tracetest.NewInMemoryExporter()
			tp := sdktrace.NewTracerProvider(sdktrace.WithSyncer(spans))
			var client *http.Client
			for range 3 { // one warning, however often
				client = &http.Client{Transport: test.chain(kit, tp)}
			}
			defer client.CloseIdleConnections()
			for range 5 {
				resp, err := client.Get(srv.URL + "/length/32768")
				if err != nil {
					t.Fatal(err)
				}
				resp.Body.Close()
			}
			if test.owned != (len(warnings) == 0) || len(warnings) > 1 {
				t.Errorf("warnings: %q", warnings)
			}
			if !test.owned {
				w := warnings[0]
				if w.Kind != pool.NotOwned || w.Base != "warmconn_test.foreign" || !strings.Contains(w.Text, "outside of a warmconn_test.foreign; wrap what that wraps") {
					t.Errorf("warning %+v", w)
				}
				if d := roundtripper.Describe(client.Transport); !strings.Contains(d, "stands outside of a warmconn_test.foreign") {
					t.Errorf("Describe does not say it:\n%s", d)
				}
			}
			reused := 0
			for _, s := range spans.GetSpans() {
				for _, a := range s.Attributes {
					if a == attribute.Bool("http.conn.reused", true) {
						reused++
					}
				}
			}
			if test.owned && reused != 4 {
				t.Errorf("%d spans of the foreign middleware say that their connection was reused, want 4 of 5", reused)
			}
			if got := kit.Stats().Requests; got != 5 {
				t.Errorf("Stats has %d requests, want 5", got)
			}
			if err := kit.Shutdown(t.Context()); err != nil {
				t.Error(err)
			}
			if _, err := client.Get(srv.URL); err == nil || !strings.Contains(err.Error(), pool.ErrClosed.Error()) {
				t.Errorf("after Shutdown a request has error %v", err)
			}
		})
	}
}

func TestClientsOfAKitShareItsConnections(t *testing.T) {
	srv := lengths(t)
	kit := warmconn.New(warmconn.Options{})
	defer kit.Shutdown(t.Context())
	given := &http.Client{Timeout: time.Minute}
	for range 10 {
		c := kit.Client(given)
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
}
