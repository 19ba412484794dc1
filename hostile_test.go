package warmconn_test

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"runtime"
	"strings"
	"testing"

	"go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"

	"github.com/warmconn/warmconn"
	"github.com/warmconn/warmconn/drain"
	"github.com/warmconn/warmconn/internal/fullsize"
	"github.com/warmconn/warmconn/internal/stub"
	"github.com/warmconn/warmconn/internal/testserver"
	"github.com/warmconn/warmconn/pool"
	"github.com/warmconn/warmconn/pool/poolz"
	"github.com/warmconn/warmconn/roundtripper"
	"github.com/warmconn/warmconn/trace"
)

// hostile are requests of which each has something new: what is kept of one must not be
// kept of all.
var hostile = []struct {
	name        string
	full, quick int // how many
	// base is what they are sent over. Its own memory is not counted: the bare row has it.
	base func(*testing.T) http.RoundTripper
	// send is the i-th.
	send func(rt http.RoundTripper, req *http.Request, i int)
}{
	{"host names", 1_000_000, 3000, stubBase, byHost("host%d.example")},
	{"host names, with connections", 20_000, 100, crawled, byHost("host%d.example")},
	{"host names that can't be found", 100_000, 400, nowhere, byHost("host%d.example")},
	{"host names of 64 KiB", 20_000, 100, stubBase, byHost(strings.Repeat("x", 64<<10) + "%d.example")},
	{"schemes", 100_000, 600, stubBase, func(rt http.RoundTripper, req *http.Request, i int) {
		req.URL.Scheme = fmt.Sprintf("s%d", i)
		stub.Do(rt, req)
	}},
	{"methods", 100_000, 600, stubBase, func(rt http.RoundTripper, req *http.Request, i int) {
		req.Method = fmt.Sprintf("M%d", i)
		stub.Do(rt, req)
	}},
	{"methods of 64 KiB", 10_000, 100, stubBase, func(rt http.RoundTripper, req *http.Request, i int) {
		req.Method = fmt.Sprint("M", i, strings.Repeat("x", 64<<10))
		stub.Do(rt, req)
	}},
	{"statuses and versions", 100_000, 3000, strange, one},
	{"errors", 100_000, 3000, failing, one},
	{"paths and queries", 100_000, 600, stubBase, func(rt http.RoundTripper, req *http.Request, i int) {
		req.URL.Path, req.URL.RawQuery = fmt.Sprintf("/p%d", i), fmt.Sprintf("k%d=v", i)
		stub.Do(rt, req)
	}},
}

func one(rt http.RoundTripper, req *http.Request, _ int) { stub.Do(rt, req) }

func byHost(format string) func(http.RoundTripper, *http.Request, int) {
	return func(rt http.RoundTripper, req *http.Request, i int) {
		req.URL.Host = fmt.Sprintf(format, i)
		stub.Do(rt, req)
	}
}

func stubBase(*testing.T) http.RoundTripper { return stub.Transport{} }

// crawled finds one server under all names.
func crawled(t *testing.T) http.RoundTripper {
	srv := testserver.New(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "hello") }), testserver.Options{})
	t.Cleanup(srv.Close)
	base := http.DefaultTransport.(*http.Transport).Clone() // it keeps 100 connections
	base.Proxy = nil
	base.DialContext = func(ctx context.Context, network, _ string) (net.Conn, error) {
		return srv.Dial(ctx, network, srv.Addr)
	}
	t.Cleanup(base.CloseIdleConnections)
	return base
}

// nowhere finds none.
func nowhere(*testing.T) http.RoundTripper {
	return &http.Transport{DialContext: func(_ context.Context, _, addr string) (net.Conn, error) {
		return nil, &net.DNSError{Err: "no such host", Name: addr, IsNotFound: true}
	}}
}

// strange answers with another status and another version each time.
func strange(*testing.T) http.RoundTripper {
	n := 0
	return roundtripper.Func(func(req *http.Request) (*http.Response, error) {
		resp, err := stub.Transport{}.RoundTrip(req)
		n++
		resp.StatusCode, resp.Proto = 100+n%900, fmt.Sprintf("HTTP/%d.%d", n, n)
		if resp.StatusCode == http.StatusSwitchingProtocols {
			resp.StatusCode = http.StatusOK
		}
		return resp, err
	})
}

// failing has another error each time, which names itself.
func failing(*testing.T) http.RoundTripper {
	n := 0
	return roundtripper.Func(func(*http.Request) (*http.Response, error) {
		n++
		return nil, namedError(fmt.Sprintf("e%d", n))
	})
}

type namedError string

func (e namedError) Error() string     { return "error " + string(e) }
func (e namedError) ErrorType() string { return string(e) }

// sampled are the requests of n after which is looked at what is used: a collection
// takes a while on a busy machine.
func sampled(i, n int) bool { return (i+1)%(n/fullsize.Of(10, 2)) == 0 }

// used is what a program holds.
type used struct {
	heap                int64 // bytes
	goroutines, sockets int
}

func usedNow() used {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	u := used{int64(m.HeapAlloc), runtime.NumGoroutine(), -1}
	if files, err := os.ReadDir("/proc/self/fd"); err == nil {
		u.sockets = len(files)
	}
	return u
}

func (u used) since(before used) used {
	u.heap, u.goroutines = u.heap-before.heap, u.goroutines-before.goroutines
	if u.sockets >= 0 {
		u.sockets -= before.sockets
	}
	return u
}

func (u used) max(v used) used {
	return used{max(u.heap, v.heap), max(u.goroutines, v.goroutines), max(u.sockets, v.sockets)}
}

func (u used) String() string {
	return fmt.Sprintf("%.1f MiB, %d goroutines, %d descriptors", float64(u.heap)/(1<<20), u.goroutines, u.sockets)
}

// meteredKit is a kit whose metrics are read, and how many series the largest has.
func meteredKit(o pool.Options) (*warmconn.Kit, func(*testing.T) int) {
	reader := metric.NewManualReader()
	kit := warmconn.New(warmconn.Options{
		Drain: drain.Options{Policy: drain.Fixed},
		Pool:  o,
		Trace: trace.Options{TracerProvider: sdktrace.NewTracerProvider(), MeterProvider: metric.NewMeterProvider(metric.WithReader(reader))},
	})
	return kit, func(t *testing.T) (most int) {
		var all metricdata.ResourceMetrics
		if err := reader.Collect(t.Context(), &all); err != nil {
			t.Error(err)
		}
		for _, scope := range all.ScopeMetrics {
			for _, m := range scope.Metrics {
				most = max(most, points(m.Data))
			}
		}
		return most
	}
}

func points(data metricdata.Aggregation) int {
	switch d := data.(type) {
	case metricdata.Histogram[float64]:
		return len(d.DataPoints)
	case metricdata.Histogram[int64]:
		return len(d.DataPoints)
	case metricdata.Sum[int64]:
		return len(d.DataPoints)
	case metricdata.Sum[float64]:
		return len(d.DataPoints)
	}
	return 0
}

// Neither names nor words of others make a kit grow: it has its hosts in bounded tables, and
// OpenTelemetry's SDK at most 2000 series of a metric. A page has 200 hosts at most.
func TestHostileSizeStaysSmall(t *testing.T) {
	const mostSeries, mostHosts, mostShown = 2000, 8192, 512 << 10
	for _, row := range hostile {
		t.Run(row.name, func(t *testing.T) {
			n := fullsize.Of(row.full, row.quick)
			most := int64(fullsize.Of(128, 20)) << 20
			if strings.Contains(row.name, "64 KiB") && !fullsize.Asked() {
				most = int64(n) * 64 << 10 / 2 // half of the names
			}
			run := func(rt http.RoundTripper, n int) (peak used) {
				before := usedNow()
				for i := range n {
					req := &http.Request{Method: "GET", URL: &url.URL{Scheme: "http", Host: "host.example", Path: "/"}, Header: http.Header{}}
					row.send(rt, req, i)
					if sampled(i, n) {
						peak = peak.max(usedNow().since(before))
					}
				}
				return peak
			}
			bare := run(row.base(t), fullsize.Of(n, min(n, 100))) // nothing of the stubs is left
			kit, series := meteredKit(pool.Options{MaxPerHost: 8, LeakAfter: 1 << 40})
			rt := kit.Wrap(row.base(t))
			peak := run(rt, n)
			lines, hosts := series(t), len(kit.Stats().Hosts)
			pages := poolz.Handler(kit.Pool)
			shown := len(page(pages, url.Values{"format": {"json"}})) // JSON waits for the first figures
			shown = max(shown, len(page(pages, nil)))
			t.Logf("%d %s: kit %v, %d series, %d hosts remembered, page %d KiB; bare %v", n, row.name, peak, lines, hosts, shown>>10, bare)
			if shown > mostShown {
				t.Errorf("a page of %d bytes", shown)
			}
			if peak.heap > bare.heap+most || peak.goroutines > bare.goroutines+400 || peak.sockets > bare.sockets+400 || lines > mostSeries || hosts > mostHosts {
				t.Errorf("kit %v, %d series, %d hosts", peak, lines, hosts)
			}
			if got := kit.Stats().Requests; got != uint64(n) {
				t.Errorf("%d requests, want %d", got, n)
			}
			if err := kit.Shutdown(t.Context()); err != nil {
				t.Error(err)
			}
			runtime.KeepAlive(rt)
		})
	}
}
