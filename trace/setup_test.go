package trace_test

import (
	"context"
	"io"
	"net"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"go.opentelemetry.io/otel/attribute"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	oteltrace "go.opentelemetry.io/otel/trace"

	"github.com/warmconn/warmconn/internal/testserver"
	"github.com/warmconn/warmconn/pool"
	"github.com/warmconn/warmconn/roundtripper"
	"github.com/warmconn/warmconn/trace"
)

// named returns the spans of the given name.
func named(spans []sdktrace.ReadOnlySpan, name string) (all []sdktrace.ReadOnlySpan) {
	for _, s := range spans {
		if s.Name() == name {
			all = append(all, s)
		}
	}
	return all
}

// A connection's making is a trace of its own, to which each request that it
// serves has a link.
func TestRequestsLinkToTheMakingOfTheirConnection(t *testing.T) {
	for name, o := range map[string]testserver.Options{"plain": {}, "TLS": {TLS: true}, "HTTP2": {HTTP2: true}} {
		for _, watched := range []bool{false, true} {
			t.Run(name, func(t *testing.T) {
				srv := testserver.New(http.HandlerFunc(ok), o)
				defer srv.Close()
				spans := &tally{open: map[string]string{}}
				base := srv.Transport()
				base.DialContext = func(ctx context.Context, network, addr string) (net.Conn, error) {
					_, port, _ := net.SplitHostPort(addr)
					return new(net.Dialer).DialContext(ctx, network, net.JoinHostPort("localhost", port)) // a lookup
				}
				mw := []roundtripper.Middleware{trace.New(trace.Options{
					ConnectionSpans: true, TracerProvider: sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(spans)),
				}).Middleware}
				if watched {
					mw = append(mw, pool.New(pool.Options{}).Middleware)
				}
				client := roundtripper.Client(&http.Client{Transport: base}, mw...)
				defer client.CloseIdleConnections()
				for range 3 {
					if err := do(client, within(t, 20*time.Second, srv.URL)); err != nil {
						t.Fatal(err)
					}
				}
				setups, gets := named(spans.ended, "connection_setup"), named(spans.ended, "GET")
				if len(setups) != 1 || len(gets) != 3 {
					t.Fatalf("spans %v", names(spans.ended))
				}
				setup := setups[0]
				if setup.Parent().IsValid() || setup.SpanContext().TraceID() == gets[0].SpanContext().TraceID() {
					t.Error("the making of a connection is part of a request's trace")
				}
				want(t, setup, map[attribute.Key]any{"network.peer.address": "127.0.0.1", "warmconn.conn_id": 1, "server.address": "127.0.0.1"})
				if o.TLS || o.HTTP2 {
					want(t, setup, map[attribute.Key]any{"tls.protocol.name": "tls", "tls.protocol.version": "1.3", "tls.resumed": false})
				} else if _, is := attrs(setup)["tls.resumed"]; is {
					t.Error("a plain connection has attributes of TLS")
				}
				for _, g := range gets {
					if len(g.Links()) != 1 || g.Links()[0].SpanContext.SpanID() != setup.SpanContext().SpanID() {
						t.Errorf("a request has the links %v", g.Links())
					}
				}
				parts := 0
				for _, part := range []string{"dns", "connect", "tls"} {
					for _, s := range named(spans.ended, part) {
						parts++
						if s.Parent().SpanID() != setup.SpanContext().SpanID() || s.StartTime().Before(setup.StartTime()) || s.EndTime().After(setup.EndTime()) {
							t.Errorf("%s from %v to %v is not within the setup, from %v to %v", part, s.StartTime(), s.EndTime(), setup.StartTime(), setup.EndTime())
						}
					}
				}
				if least := map[string]int{"plain": 1, "TLS": 2, "HTTP2": 2}[name]; parts < least {
					t.Errorf("%d parts of the setup, want %d at least: %v", parts, least, names(spans.ended))
				}
				if w := named(spans.ended, "wait_for_connection"); len(w) > 1 || len(w) == 1 && w[0].Parent().SpanID() != gets[0].SpanContext().SpanID() {
					t.Errorf("waits %v; want one at most, of the first request", names(w))
				}
			})
		}
	}
}

func TestAResumedSessionIsOnTheConnectionsSpan(t *testing.T) {
	srv := testserver.New(http.HandlerFunc(ok), testserver.Options{TLS: true})
	defer srv.Close()
	spans := &tally{open: map[string]string{}}
	p := pool.New(pool.Options{TLSSessions: 1, MaxConnRequests: 1})
	defer p.Close()
	client := roundtripper.Client(&http.Client{Transport: srv.Transport()}, trace.New(trace.Options{
		ConnectionSpans: true, TracerProvider: sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(spans)),
	}).Middleware, p.Middleware)
	for range 2 {
		if err := do(client, within(t, 20*time.Second, srv.URL)); err != nil {
			t.Fatal(err)
		}
	}
	setups := named(spans.ended, "connection_setup")
	if len(setups) != 2 {
		t.Fatalf("spans %v", names(spans.ended))
	}
	for i, resumed := range []bool{false, true} {
		want(t, setups[i], map[attribute.Key]any{"tls.resumed": resumed})
	}
}

func TestWaitForTheQueueIsASpan(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv := testserver.New(http.HandlerFunc(ok), testserver.Options{Memory: true})
		defer srv.Close()
		spans := &tally{open: map[string]string{}}
		p := pool.New(pool.Options{MaxPerHost: 1})
		defer p.Close()
		client := roundtripper.Client(&http.Client{Transport: srv.Transport()}, trace.New(trace.Options{
			ConnectionSpans: true, TracerProvider: sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(spans)),
		}).Middleware, p.Middleware)
		defer client.CloseIdleConnections() // and not by the collector, outside of the bubble
		held, err := client.Get(srv.URL)
		if err != nil {
			t.Fatal(err)
		}
		if err := do(client, within(t, 10*time.Millisecond, srv.URL)); err == nil {
			t.Fatal("a request came through")
		}
		io.Copy(io.Discard, held.Body)
		held.Body.Close()
		var failed oteltrace.SpanContext
		for _, s := range named(spans.ended, "GET") {
			if _, is := attrs(s)["error.type"]; is {
				failed = s.SpanContext()
			}
		}
		var waits []sdktrace.ReadOnlySpan
		for _, w := range named(spans.ended, "wait_for_connection") {
			if w.Parent().SpanID() == failed.SpanID() {
				waits = append(waits, w)
			}
		}
		if len(waits) != 1 || waits[0].EndTime().Sub(waits[0].StartTime()) != 10*time.Millisecond {
			t.Errorf("waits of the one that failed: %v; want one of 10 ms", names(waits))
		}
	})
}
