package trace_test

import (
	"context"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"

	"go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"

	"github.com/warmconn/warmconn/pool"
	"github.com/warmconn/warmconn/roundtripper"
	"github.com/warmconn/warmconn/trace"
)

// The metrics of one request and its connection. A drain, a leak, and a connection that is
// closed have more.
func ExampleOptions_metrics() {
	srv := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "hello") }))
	defer srv.Close()
	reader := metric.NewManualReader()
	tr := trace.New(trace.Options{MeterProvider: metric.NewMeterProvider(metric.WithReader(reader))})
	client := roundtripper.Client(srv.Client(), tr.Middleware, pool.New(pool.Options{}).Middleware)
	defer client.CloseIdleConnections()
	get(client, srv.URL)
	for _, m := range metrics(reader) {
		fmt.Println(m.Name, m.Unit)
	}
	// Output:
	// http.client.active_requests {request}
	// http.client.open_connections {connection}
	// http.client.request.duration s
	// warmconn.connection.new {connection}
	// warmconn.connection.setup.duration s
	// warmconn.request.time_in_queue s
}

// metrics reads the metrics, by name.
func metrics(r metric.Reader) (all []metricdata.Metrics) {
	var got metricdata.ResourceMetrics
	if err := r.Collect(context.Background(), &got); err != nil {
		log.Fatal(err)
	}
	for _, s := range got.ScopeMetrics {
		all = append(all, s.Metrics...)
	}
	slices.SortFunc(all, func(a, b metricdata.Metrics) int { return strings.Compare(a.Name, b.Name) })
	return all
}

// One metric alone, whose name will not change.
func ExampleOptions_stableOnly() {
	reader := metric.NewManualReader()
	tr := trace.New(trace.Options{
		MeterProvider: metric.NewMeterProvider(metric.WithReader(reader)),
		StableOnly:    true,
	})
	get(roundtripper.Client(&http.Client{Transport: answer{}}, tr.Middleware), "http://api.example/")
	for _, m := range metrics(reader) {
		fmt.Println(m.Name)
	}
	// Output: http.client.request.duration
}

// How many connections each address of a host has. It needs the layer of pool, which
// owns them.
func ExampleOptions_peerAddress() {
	srv := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	defer srv.Close()
	reader := metric.NewManualReader()
	tr := trace.New(trace.Options{
		MeterProvider: metric.NewMeterProvider(metric.WithReader(reader)),
		PeerAddress:   true,
	})
	client := roundtripper.Client(srv.Client(), tr.Middleware, pool.New(pool.Options{}).Middleware)
	defer client.CloseIdleConnections()
	get(client, srv.URL)
	for _, m := range metrics(reader) {
		if m.Name != "http.client.open_connections" {
			continue
		}
		for _, p := range m.Data.(metricdata.Sum[int64]).DataPoints {
			addr, _ := p.Attributes.Value("network.peer.address")
			state, _ := p.Attributes.Value("http.connection.state")
			fmt.Println(addr.String(), state.String(), p.Value)
		}
	}
	// Unordered output:
	// 127.0.0.1 active 0
	// 127.0.0.1 idle 1
}
