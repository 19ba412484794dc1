package trace_test

import (
	"context"
	"io"
	"net/http"
	"testing"

	"go.opentelemetry.io/otel/attribute"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"

	"github.com/warmconn/warmconn/internal/testserver"
	"github.com/warmconn/warmconn/roundtripper"
	"github.com/warmconn/warmconn/trace"
)

// once makes one request with a Tracer of those options, and returns the spans
// that have ended.
func once(t *testing.T, o trace.Options, edit func(*http.Request) *http.Request, mw ...roundtripper.Middleware) []sdktrace.ReadOnlySpan {
	t.Helper()
	srv := testserver.New(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Answer", "42")
		w.Header().Set("Set-Cookie", "secret")
		ok(w, r)
	}), testserver.Options{})
	t.Cleanup(srv.Close)
	recorder := tracetest.NewSpanRecorder()
	o.TracerProvider = sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(recorder))
	client := roundtripper.Client(&http.Client{Transport: srv.Transport()}, append([]roundtripper.Middleware{trace.New(o).Middleware}, mw...)...)
	t.Cleanup(client.CloseIdleConnections)
	req, err := http.NewRequest("GET", srv.URL+"/users/7?sig=s&token=t", nil)
	if err != nil {
		t.Fatal(err)
	}
	if edit != nil {
		req = edit(req)
	}
	resp, err := client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	io.Copy(io.Discard, resp.Body)
	resp.Body.Close()
	return recorder.Ended()
}

func in(f func(context.Context) context.Context) func(*http.Request) *http.Request {
	return func(r *http.Request) *http.Request { return r.WithContext(f(r.Context())) }
}

func TestOptionsAndHintsOnTheSpan(t *testing.T) {
	for _, row := range []struct {
		name string
		opts trace.Options
		edit func(*http.Request) *http.Request
		span string // its name
		want map[attribute.Key]any
	}{
		{name: "nothing asked for", span: "GET", want: map[attribute.Key]any{
			"url.template": nil, "http.request.resend_count": nil, "http.request.header.x-ask": nil, "http.response.header.x-answer": nil,
			"warmconn.conn_id": int64(1), "warmconn.conn_uses": int64(1), "warmconn.conn_age": nil, "warmconn.pool_wait": nil,
		}},
		{name: "URL template", span: "GET /users/{id}",
			edit: in(func(ctx context.Context) context.Context { return trace.URLTemplate(ctx, "/users/{id}") }),
			want: map[attribute.Key]any{"url.template": "/users/{id}"}},
		{name: "resend count and template", span: "GET /users/{id}",
			edit: in(func(ctx context.Context) context.Context {
				return trace.ResendCount(trace.URLTemplate(ctx, "/users/{id}"), 2)
			}),
			want: map[attribute.Key]any{"http.request.resend_count": int64(2), "url.template": "/users/{id}"}},
		{name: "resend count below zero", span: "GET",
			edit: in(func(ctx context.Context) context.Context { return trace.ResendCount(ctx, -1) }),
			want: map[attribute.Key]any{"http.request.resend_count": nil}},
		{name: "span name", span: "list users",
			opts: trace.Options{SpanName: func(r *http.Request) string { return "list users" }}},
		{name: "empty span name", span: "GET",
			opts: trace.Options{SpanName: func(r *http.Request) string { return "" }}},
		{name: "attributes", span: "GET",
			opts: trace.Options{
				RequestAttributes: func(r *http.Request) []attribute.KeyValue {
					return []attribute.KeyValue{attribute.String("tenant", r.URL.Path)}
				},
				ResponseAttributes: func(r *http.Response) []attribute.KeyValue {
					return []attribute.KeyValue{attribute.Int("answer", len(r.Header.Get("X-Answer")))}
				},
			},
			want: map[attribute.Key]any{"tenant": "/users/7", "answer": int64(2)}},
		{name: "headers", span: "GET",
			opts: trace.Options{RequestHeaders: []string{"x-ask", "X-None"}, ResponseHeaders: []string{"X-Answer"}},
			edit: func(r *http.Request) *http.Request {
				r.Header.Set("X-Ask", "why")
				r.Header.Set("Cookie", "secret")
				return r
			},
			want: map[attribute.Key]any{
				"http.request.header.x-ask": []string{"why"}, "http.request.header.x-none": nil, "http.request.header.cookie": nil,
				"http.response.header.x-answer": []string{"42"}, "http.response.header.set-cookie": nil,
			}},
		{name: "keys of one's own", span: "GET", opts: trace.Options{RedactQuery: []string{"Token"}, Query: trace.QueryConventions},
			want: map[attribute.Key]any{"url.full": "/users/7?sig=REDACTED&token=REDACTED"}},
		{name: "the conventions' keys", span: "GET", opts: trace.Options{Query: trace.QueryConventions},
			want: map[attribute.Key]any{"url.full": "/users/7?sig=REDACTED&token=t"}},
		{name: "the usual redaction", span: "GET",
			want: map[attribute.Key]any{"url.full": "/users/7?sig=REDACTED&token=REDACTED"}},
		{name: "no query", span: "GET", opts: trace.Options{Query: trace.QueryOmitted},
			want: map[attribute.Key]any{"url.full": "/users/7"}},
		{name: "no redaction", span: "GET", opts: trace.Options{RedactQuery: []string{}},
			want: map[attribute.Key]any{"url.full": "/users/7?sig=s&token=t"}},
		{name: "end at the headers", span: "GET", opts: trace.Options{EndAtHeaders: true},
			want: map[attribute.Key]any{"http.response.status_code": int64(200), "http.conn.reused": false, "warmconn.new_reason": "first", "warmconn.outcome": nil}},
	} {
		t.Run(row.name, func(t *testing.T) {
			spans := once(t, row.opts, row.edit)
			if len(spans) != 1 || spans[0].Name() != row.span {
				t.Fatalf("spans %v, want one of the name %q", names(spans), row.span)
			}
			if full, has := row.want["url.full"]; has {
				got := attrs(spans[0])["url.full"].AsString()
				if i := len(got) - len(full.(string)); i < 0 || got[i:] != full {
					t.Errorf("url.full is %s, want it to end in %s", got, full)
				}
				delete(row.want, "url.full")
			}
			want(t, spans[0], row.want)
		})
	}
}

func names(spans []sdktrace.ReadOnlySpan) (all []string) {
	for _, s := range spans {
		all = append(all, s.Name())
	}
	return all
}

func TestSkippedAndExemptRequestsHaveNoSpan(t *testing.T) {
	if spans := once(t, trace.Options{Skip: func(r *http.Request) bool { return r.URL.Path == "/users/7" }}, nil); len(spans) != 0 {
		t.Errorf("skipped: spans %v", names(spans))
	}
	if spans := once(t, trace.Options{}, in(trace.Exempt)); len(spans) != 0 {
		t.Errorf("exempt: spans %v", names(spans))
	}
}

func TestScopeIsTheSDKs(t *testing.T) {
	spans := once(t, trace.Options{ScopeName: "example.com/sdk", ScopeVersion: "1.2.3"}, nil)
	if s := spans[0].InstrumentationScope(); s.Name != "example.com/sdk" || s.Version != "1.2.3" {
		t.Errorf("scope %+v", s)
	}
}
