package trace_test

import (
	"io"
	"net/http"
	"testing"

	"go.opentelemetry.io/otel/sdk/metric"

	"github.com/warmconn/warmconn/drain"
	"github.com/warmconn/warmconn/internal/testserver"
	"github.com/warmconn/warmconn/pool"
	"github.com/warmconn/warmconn/trace"
)

// thrice sends each request three times.
type thrice struct{ next http.RoundTripper }

func (h thrice) RoundTrip(req *http.Request) (resp *http.Response, err error) {
	for i := range 3 {
		resp, err = h.next.RoundTrip(req.Clone(req.Context()))
		if err == nil && i < 2 {
			io.Copy(io.Discard, resp.Body)
			resp.Body.Close()
		}
	}
	return resp, err
}

// Every connection of a retrier's attempts is counted once, whatever stands above the
// retrier: the trace layer there knows the last one only.
func TestConnectionsOfAttemptsAreCountedOnce(t *testing.T) {
	above := map[string]func(http.RoundTripper) http.RoundTripper{
		"nothing": func(rt http.RoundTripper) http.RoundTripper { return rt },
		"pool":    pool.New(pool.Options{}).Middleware,
		"drain":   drain.New(drain.Options{}).Middleware,
	}
	for name, layer := range above {
		for _, closes := range []bool{false, true} {
			srv := testserver.New(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				if closes {
					w.Header().Set("Connection", "close")
				}
				io.WriteString(w, "hello")
			}), testserver.Options{})
			defer srv.Close()
			base := srv.Transport()
			defer base.CloseIdleConnections()
			reader := metric.NewManualReader()
			o := trace.Options{MeterProvider: metric.NewMeterProvider(metric.WithReader(reader))}
			rt := trace.New(o).Middleware(layer(thrice{trace.New(o).Middleware(base)}))
			req, _ := http.NewRequest("GET", srv.URL, nil)
			resp, err := rt.RoundTrip(req)
			if err != nil {
				t.Fatal(err)
			}
			io.Copy(io.Discard, resp.Body)
			resp.Body.Close()
			opened := collect(t, reader)["warmconn.connection.new {connection}"]
			if all, first := sum(opened, "", ""), sum(opened, "warmconn.new_reason", "first"); all != float64(srv.Opened()) || first != 1 {
				t.Errorf("%s above, server closes %v: %v connections, %v of them the first; the server saw %d", name, closes, all, first, srv.Opened())
			}
		}
	}
}
