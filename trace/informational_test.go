package trace_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptrace"
	"net/textproto"
	"strings"
	"testing"
	"time"

	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"

	"github.com/warmconn/warmconn/internal/testserver"
	"github.com/warmconn/warmconn/roundtripper"
	"github.com/warmconn/warmconn/trace"
)

// hints is a server that sends n 1xx responses before the answer: 0 means for ever.
func hints(n int) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Link", "</style.css>; rel=preload")
		for i := 0; (n == 0 || i < n) && r.Context().Err() == nil; i++ {
			w.WriteHeader(http.StatusEarlyHints)
		}
		io.WriteString(w, "x")
	})
}

func eachPhases(t *testing.T, f func(t *testing.T, o trace.Options, http2 bool)) {
	for name, p := range map[string]trace.Phases{"events": trace.PhaseEvents, "spans": trace.PhaseSpans} {
		t.Run(name, func(t *testing.T) { f(t, trace.Options{Phases: p, PhaseHeaders: true}, false) })
		t.Run(name+" over HTTP/2", func(t *testing.T) { f(t, trace.Options{Phases: p}, true) })
	}
}

// Net/http's limit of all header bytes ends it, as without the kit.
func TestPhasesLeaveTheLimitOf1xxResponses(t *testing.T) {
	eachPhases(t, func(t *testing.T, o trace.Options, http2 bool) {
		srv := testserver.New(hints(0), testserver.Options{HTTP2: http2})
		defer srv.Close()
		base := srv.Transport()
		base.MaxResponseHeaderBytes = 64 << 10
		o.TracerProvider = sdktrace.NewTracerProvider()
		client := roundtripper.Client(&http.Client{Transport: base}, trace.New(o).Middleware, trace.New(o).Middleware)
		defer client.CloseIdleConnections()
		if err := do(client, within(t, 5*time.Second, srv.URL)); err == nil || errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("error %v, want net/http's for too many header bytes", err)
		}
	})
}

func TestPhasesLeaveTheCallersHookFor1xxResponses(t *testing.T) {
	stop := errors.New("enough")
	eachPhases(t, func(t *testing.T, o trace.Options, http2 bool) {
		srv := testserver.New(hints(3), testserver.Options{HTTP2: http2})
		defer srv.Close()
		recorder := tracetest.NewSpanRecorder()
		o.TracerProvider = sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(recorder))
		client := roundtripper.Client(&http.Client{Transport: srv.Transport()}, trace.New(o).Middleware)
		defer client.CloseIdleConnections()
		for _, enough := range []error{nil, stop} {
			calls := 0
			req := within(t, 5*time.Second, srv.URL)
			err := do(client, req.WithContext(httptrace.WithClientTrace(req.Context(), &httptrace.ClientTrace{
				Got1xxResponse: func(code int, header textproto.MIMEHeader) error {
					if calls++; code != http.StatusEarlyHints || header.Get("Link") == "" {
						t.Errorf("the caller's hook was given %d, %v", code, header)
					}
					return enough
				},
			})))
			// Over HTTP/2 net/http tells only the text of it.
			if (err == nil) != (enough == nil) || err != nil && !strings.Contains(err.Error(), enough.Error()) {
				t.Errorf("error %v, want %v, the hook's", err, enough)
			}
			if enough == nil && calls != 3 {
				t.Errorf("the caller's hook was called %d times, want 3", calls)
			}
		}
		told := 0
		for _, s := range recorder.Ended() {
			for _, e := range s.Events() {
				if e.Name == "GOT 1xx" {
					told++
				}
			}
		}
		if told < 3 {
			t.Errorf("%d events of 1xx responses, want as many as the caller's hook was called for", told)
		}
	})
}
