package trace_test

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"
	"syscall"
	"testing"
	"time"

	sdktrace "go.opentelemetry.io/otel/sdk/trace"

	"github.com/warmconn/warmconn/internal/eventually"
	"github.com/warmconn/warmconn/internal/testserver"
	"github.com/warmconn/warmconn/roundtripper"
	"github.com/warmconn/warmconn/trace"
)

// badDials are dials that fail with an error whose text must not be on a span.
var badDials = []struct {
	name, url, class string // url: empty for the server's
	base             func(*http.Transport)
}{
	{name: "the program's check of the certificate", class: "_OTHER", base: func(t *http.Transport) {
		t.TLSClientConfig.VerifyConnection = func(tls.ConnectionState) error { return errors.New("SECRET") }
	}},
	{name: "a name from the certificate", class: "tls", base: func(t *http.Transport) {
		t.TLSClientConfig.ServerName = "secret.host.example" // the error has it, beside the certificate's
	}},
	{name: "the program's control of the socket", class: "_OTHER", base: func(t *http.Transport) {
		t.DialContext = (&net.Dialer{Control: func(string, string, syscall.RawConn) error { return errors.New("SECRET") }}).DialContext
	}},
	{name: "the program's resolver", class: "dns", url: "https://host.example/", base: func(t *http.Transport) {
		t.DialContext = (&net.Dialer{Resolver: &net.Resolver{PreferGo: true, Dial: func(context.Context, string, string) (net.Conn, error) {
			return nil, errors.New("SECRET")
		}}}).DialContext
	}},
}

func TestPhasesSayTheClassOfADialsError(t *testing.T) {
	srv := testserver.New(http.NotFoundHandler(), testserver.Options{TLS: true})
	defer srv.Close()
	for _, p := range []trace.Phases{trace.PhaseEvents, trace.PhaseSpans} {
		for _, bad := range badDials {
			t.Run(fmt.Sprintf("%s phases=%v", bad.name, p), func(t *testing.T) {
				spans := &tally{open: map[string]string{}}
				tr := trace.New(trace.Options{Phases: p, TracerProvider: sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(spans))})
				base := srv.Transport()
				bad.base(base)
				url := bad.url
				if url == "" {
					url = srv.URL
				}
				if err := do(roundtripper.Client(&http.Client{Transport: base}, tr.Middleware), within(t, 10*time.Second, url)); err == nil {
					t.Fatal("the dial did not fail")
				}
				eventually.True(t, "every span to end", func() bool { return spans.left() == "map[]" })
				told := false
				for _, s := range spans.ended {
					said := []string{s.Status().Description}
					for _, e := range s.Events() {
						for _, kv := range e.Attributes {
							if strings.HasSuffix(string(kv.Key), ".error") {
								said = append(said, kv.Value.AsString())
							}
						}
					}
					for _, text := range said {
						switch text {
						case "":
						case bad.class:
							told = told || s.Name() != "GET" || p == trace.PhaseEvents
						default:
							t.Errorf("%s says %q, want the class alone: %s", s.Name(), text, bad.class)
						}
					}
				}
				if !told {
					t.Errorf("no phase says %s", bad.class)
				}
			})
		}
	}
}
