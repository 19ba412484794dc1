package trace_test

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptrace"
	"strings"
	"testing"
	"time"

	"go.opentelemetry.io/otel/codes"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"

	"github.com/warmconn/warmconn/internal/eventually"
	"github.com/warmconn/warmconn/internal/stub"
	"github.com/warmconn/warmconn/internal/testserver"
	"github.com/warmconn/warmconn/roundtripper"
	"github.com/warmconn/warmconn/trace"
)

// secretive is a request body whose error quotes a secret.
type secretive struct{}

func (secretive) Read([]byte) (int, error) { return 0, errors.New("SECRET") }

func (secretive) Close() error { return nil }

func TestPhasesShowNoSecrets(t *testing.T) {
	for _, headers := range []bool{false, true} {
		for _, p := range []trace.Phases{trace.PhaseEvents, trace.PhaseSpans} {
			for _, h2 := range []bool{false, true} {
				t.Run(fmt.Sprintf("headers=%v phases=%v http2=%v", headers, p, h2), func(t *testing.T) {
					srv := testserver.New(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
						w.Header().Set("Set-Cookie", "a=SECRET")
						w.WriteHeader(http.StatusEarlyHints)
						io.Copy(io.Discard, r.Body)
						ok(w, nil)
					}), testserver.Options{HTTP2: h2})
					defer srv.Close()
					spans := &tally{open: map[string]string{}}
					tr := trace.New(trace.Options{Phases: p, PhaseHeaders: headers, TracerProvider: sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(spans))})
					client := roundtripper.Client(&http.Client{Transport: srv.Transport()}, tr.Middleware)
					defer client.CloseIdleConnections()
					req := within(t, 10*time.Second, srv.URL+"/?sig=SECRET")
					req.Header.Set("Referer", "http://u:SECRET@host.example/?sig=SECRET")
					if err := do(client, req); err != nil {
						t.Fatal(err)
					}
					req = within(t, 10*time.Second, srv.URL)
					req.Method, req.Body = "POST", secretive{}
					do(client, req)
					eventually.True(t, "every span to end", func() bool { return spans.left() == "map[]" })
					for _, s := range spans.ended {
						for _, kv := range s.Attributes() {
							if strings.Contains(kv.Value.String(), "SECRET") {
								t.Errorf("%s: %s is %s", s.Name(), kv.Key, kv.Value.String())
							}
						}
						for _, e := range s.Events() {
							if text := fmt.Sprint(e.Attributes); strings.Contains(text, "SECRET") {
								t.Errorf("%s: event %s has %s", s.Name(), e.Name, text)
							}
						}
						if strings.Contains(s.Status().Description, "SECRET") {
							t.Errorf("%s: status %v", s.Name(), s.Status())
						}
					}
				})
			}
		}
	}
}

// Net/http's error for one of its attempts to write is not the request's outcome.
func TestPhasesDoNotSetTheStatusOfTheRequest(t *testing.T) {
	recorder := tracetest.NewSpanRecorder()
	tr := trace.New(trace.Options{Phases: trace.PhaseSpans, TracerProvider: sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(recorder))})
	rt := tr.Middleware(roundtrip(func(r *http.Request) (*http.Response, error) {
		hooks := httptrace.ContextClientTrace(r.Context())
		hooks.GetConn("host.example:80")
		hooks.WroteRequest(httptrace.WroteRequestInfo{Err: errors.New("broken connection")}) // and tries again
		return stub.Transport{}.RoundTrip(r)
	}))
	req, _ := http.NewRequest("GET", "http://host.example/", nil)
	if err := stub.Do(rt, req); err != nil {
		t.Fatal(err)
	}
	for _, s := range named(recorder.Ended(), "GET") {
		if s.Status().Code != codes.Unset {
			t.Errorf("status %v of a request that went well", s.Status())
		}
	}
}
