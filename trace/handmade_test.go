package trace_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/sdk/metric"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"

	"github.com/warmconn/warmconn/pool"
	"github.com/warmconn/warmconn/roundtripper"
	"github.com/warmconn/warmconn/trace"
)

// Net/http can't dial a host with user information in it, but the attempt is reported.
func TestUserInformationInAHandMadeHostIsNotShown(t *testing.T) {
	for _, host := range []string{"user:SECRET@host.example", "SECRET@host.example:80", "user:SEC@SECRET@HOST.example:80"} {
		for _, phases := range []trace.Phases{trace.PhaseEvents, trace.PhaseSpans} {
			t.Run(fmt.Sprintf("%s phases=%v", host, phases), func(t *testing.T) {
				recorder, reader := tracetest.NewSpanRecorder(), metric.NewManualReader()
				tr := trace.New(trace.Options{
					TracerProvider: sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(recorder)),
					MeterProvider:  metric.NewMeterProvider(metric.WithReader(reader)),
					Phases:         phases, ConnectionSpans: true,
				})
				p := pool.New(pool.Options{MaxPerHost: 1})
				defer p.Close()
				var told []string
				tell := func(what string, v ...any) { told = append(told, what+": "+fmt.Sprint(v...)) }
				dialer := &net.Dialer{Resolver: &net.Resolver{PreferGo: true, Dial: func(context.Context, string, string) (net.Conn, error) {
					return nil, errors.New("nobody is asked")
				}}}
				base := &http.Transport{DialContext: func(ctx context.Context, network, addr string) (net.Conn, error) {
					tell("Stats while it dials", p.Stats())
					tell("InFlight", p.InFlight())
					return dialer.DialContext(ctx, network, addr)
				}}
				rt := roundtripper.Wrap(base, roundtripper.Observe(roundtripper.Observer{End: func(_ context.Context, e roundtripper.Exchange) {
					tell("Exchange", e.Host)
					if want := "http://host.example:80"; e.Host != want {
						t.Errorf("the exchange's host is %s, want %s", e.Host, want)
					}
				}}), tr.Middleware, p.Middleware)
				if _, err := rt.RoundTrip(&http.Request{Method: "GET", URL: &url.URL{Scheme: "http", Host: host, Path: "/a"}, Header: http.Header{}}); err == nil {
					t.Fatal("it was dialed")
				}
				tell("Stats", p.Stats())
				for _, s := range recorder.Ended() {
					tell(s.Name(), s.Attributes(), s.Status())
					for _, e := range s.Events() {
						tell(e.Name, e.Attributes)
					}
				}
				for name, points := range collect(t, reader) {
					tell(name, points)
				}
				for _, text := range told {
					if strings.Contains(strings.ToLower(text), "secret") {
						t.Error(text)
					}
				}
				want(t, named(recorder.Ended(), "GET")[0], map[attribute.Key]any{
					"server.address": "host.example",
					"url.full":       "http://REDACTED:REDACTED@" + host[strings.LastIndex(host, "@")+1:] + "/a",
				})
			})
		}
	}
}
