package trace_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"reflect"
	"strings"
	"testing"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	oteltrace "go.opentelemetry.io/otel/trace"

	"github.com/warmconn/warmconn/internal/eventually"
	"github.com/warmconn/warmconn/internal/stub"
	"github.com/warmconn/warmconn/internal/testserver"
	"github.com/warmconn/warmconn/pool"
	"github.com/warmconn/warmconn/roundtripper"
	"github.com/warmconn/warmconn/trace"
)

// rig is a client that is traced, and the spans that have ended.
type rig struct {
	t        *testing.T
	srv      *testserver.Server
	recorder *tracetest.SpanRecorder
	reader   *metric.ManualReader
	tracer   *trace.Tracer
	client   *http.Client
}

func newRig(t *testing.T, h http.HandlerFunc, o testserver.Options, mw ...roundtripper.Middleware) *rig {
	r := &rig{t: t, recorder: tracetest.NewSpanRecorder(), reader: metric.NewManualReader()}
	r.srv = testserver.New(h, o)
	t.Cleanup(r.srv.Close)
	r.tracer = trace.New(trace.Options{
		TracerProvider: sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(r.recorder)),
		MeterProvider:  metric.NewMeterProvider(metric.WithReader(r.reader)),
		Propagator:     propagation.TraceContext{},
	})
	mw = append([]roundtripper.Middleware{r.tracer.Middleware}, mw...)
	r.client = roundtripper.Client(&http.Client{Transport: r.srv.Transport()}, mw...)
	t.Cleanup(r.client.CloseIdleConnections)
	return r
}

// last returns the span that ended last.
func (r *rig) last() sdktrace.ReadOnlySpan {
	r.t.Helper()
	spans := r.recorder.Ended()
	if len(spans) == 0 {
		r.t.Fatal("no span has ended")
	}
	return spans[len(spans)-1]
}

func attrs(s sdktrace.ReadOnlySpan) map[attribute.Key]attribute.Value {
	m := make(map[attribute.Key]attribute.Value)
	for _, kv := range s.Attributes() {
		m[kv.Key] = kv.Value
	}
	return m
}

// want checks attributes; nil means that the key must be absent.
func want(t *testing.T, s sdktrace.ReadOnlySpan, m map[attribute.Key]any) {
	t.Helper()
	got := attrs(s)
	for k, v := range m {
		g, ok := got[k]
		if v == nil {
			if ok {
				t.Errorf("%s is %v, want none", k, g.AsInterface())
			}
			continue
		}
		if n, is := v.(int); is {
			v = int64(n)
		}
		if !ok || !reflect.DeepEqual(g.AsInterface(), v) {
			t.Errorf("%s is %v (there: %v), want %v", k, g.AsInterface(), ok, v)
		}
	}
}

func (r *rig) get(path string) {
	r.t.Helper()
	resp, err := r.client.Get(r.srv.URL + path)
	if err != nil {
		r.t.Fatal(err)
	}
	io.Copy(io.Discard, resp.Body)
	resp.Body.Close()
}

func ok(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "ok") }

func TestSpanOfNewAndReusedConnection(t *testing.T) {
	for _, o := range []testserver.Options{{}, {TLS: true}, {HTTP2: true}} {
		t.Run(fmt.Sprintf("%+v", o), func(t *testing.T) {
			r := newRig(t, ok, o)
			host, port, _ := strings.Cut(r.srv.Addr, ":")
			var n int
			fmt.Sscan(port, &n)
			protocol := "1.1"
			if o.HTTP2 {
				protocol = "2"
			}
			r.get("/a?b=c")
			s := r.last()
			if s.Name() != "GET" || s.SpanKind() != oteltrace.SpanKindClient || s.Status().Code != codes.Unset {
				t.Errorf("span %q of kind %v with status %v", s.Name(), s.SpanKind(), s.Status())
			}
			want(t, s, map[attribute.Key]any{
				"http.request.method": "GET", "http.request.method_original": nil, "url.full": r.srv.URL + "/a?b=c",
				"server.address": host, "server.port": n, "http.response.status_code": 200,
				"network.protocol.version": protocol, "network.peer.address": "127.0.0.1", "network.peer.port": n,
				"http.request.resend_count": nil, "error.type": nil,
				"http.conn.reused": false, "http.conn.wasidle": false, "http.conn.idletime": nil,
				"warmconn.new_reason": "first", "warmconn.lost_reason": nil, "warmconn.outcome": "eof", "warmconn.leaked": nil,
			})
			r.get("/")
			s = r.last()
			want(t, s, map[attribute.Key]any{"http.conn.reused": true, "warmconn.new_reason": nil})
			if o.HTTP2 {
				return // net/http may not have closed the stream yet
			}
			want(t, s, map[attribute.Key]any{"http.conn.wasidle": true})
			if _, err := time.ParseDuration(attrs(s)["http.conn.idletime"].AsString()); err != nil {
				t.Errorf("http.conn.idletime: %v", err)
			}
		})
	}
}

func TestNewConnectionLinksToItsCulprit(t *testing.T) {
	for _, pooled := range []bool{false, true} {
		t.Run(fmt.Sprintf("pool=%v", pooled), func(t *testing.T) {
			var mw []roundtripper.Middleware
			if pooled {
				mw = append(mw, pool.New(pool.Options{}).Middleware)
			}
			r := newRig(t, func(w http.ResponseWriter, r *http.Request) {
				// More than net/http drains by itself on Go 1.27.
				w.Header().Set("Content-Length", fmt.Sprint(4<<20))
				io.WriteString(w, strings.Repeat("x", 4<<20))
			}, testserver.Options{}, mw...)
			resp, err := r.client.Get(r.srv.URL)
			if err != nil {
				t.Fatal(err)
			}
			resp.Body.Close()
			culprit := r.last()
			want(t, culprit, map[attribute.Key]any{"warmconn.lost_reason": "body_unread"})

			r.get("/")
			s := r.last()
			want(t, s, map[attribute.Key]any{"http.conn.reused": false, "warmconn.new_reason": "body_unread"})
			if len(s.Links()) != 1 {
				t.Fatalf("%d links, want 1", len(s.Links()))
			}
			link := s.Links()[0]
			if link.SpanContext.SpanID() != culprit.SpanContext().SpanID() || link.SpanContext.TraceID() != culprit.SpanContext().TraceID() {
				t.Errorf("link to %v, want the culprit %v", link.SpanContext, culprit.SpanContext())
			}
			if len(link.Attributes) != 1 || link.Attributes[0] != attribute.String("warmconn.new_reason", "body_unread") {
				t.Errorf("link has %v", link.Attributes)
			}
		})
	}
}

func TestStatusAndErrorType(t *testing.T) {
	r := newRig(t, func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/404":
			w.WriteHeader(404)
		case "/500":
			w.WriteHeader(500)
		case "/cut":
			w.Header().Set("Content-Length", "10")
			io.WriteString(w, "x")
			w.(http.Flusher).Flush()
			panic(http.ErrAbortHandler)
		case "/reset":
			panic(http.ErrAbortHandler)
		case "/hang":
			<-r.Context().Done()
		}
	}, testserver.Options{})
	for path, class := range map[string]string{"/404": "404", "/500": "500", "/cut": "eof", "/reset": "eof"} {
		resp, err := r.client.Get(r.srv.URL + path)
		if err == nil {
			io.Copy(io.Discard, resp.Body)
			resp.Body.Close()
		}
		s := r.last()
		want(t, s, map[attribute.Key]any{"error.type": class})
		if s.Status().Code != codes.Error {
			t.Errorf("%s: status %v, want error", path, s.Status())
		}
	}

	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	req, _ := http.NewRequestWithContext(ctx, "GET", r.srv.URL+"/hang", nil)
	if _, err := r.client.Do(req); !errors.Is(err, context.DeadlineExceeded) {
		t.Fatal(err)
	}
	want(t, r.last(), map[attribute.Key]any{"error.type": "timeout", "http.response.status_code": nil})

	ctx, cancel = context.WithCancel(t.Context())
	time.AfterFunc(20*time.Millisecond, cancel)
	req, _ = http.NewRequestWithContext(ctx, "GET", r.srv.URL+"/hang", nil)
	if _, err := r.client.Do(req); !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
	want(t, r.last(), map[attribute.Key]any{"error.type": nil, "warmconn.outcome": "canceled"})
	if c := r.last().Status().Code; c != codes.Unset {
		t.Errorf("a caller's cancellation has status %v, want unset", c)
	}
}

func TestErrorsBeforeAConnection(t *testing.T) {
	r := newRig(t, ok, testserver.Options{TLS: true})
	refused := testserver.New(http.HandlerFunc(ok), testserver.Options{})
	refused.Close()
	distrustful := roundtripper.Client(&http.Client{Transport: &http.Transport{}}, r.tracer.Middleware)
	full := pool.New(pool.Options{MaxPerHost: 1, MaxWaiting: -1})
	limited := roundtripper.Client(&http.Client{Transport: r.srv.Transport()}, r.tracer.Middleware, full.Middleware)
	held, err := limited.Get(r.srv.URL)
	if err != nil {
		t.Fatal(err)
	}
	defer held.Body.Close()
	closed := pool.New(pool.Options{})
	closed.Close()
	unknown := roundtripper.Client(&http.Client{Transport: &http.Transport{DialContext: func(_ context.Context, network, _ string) (net.Conn, error) {
		return nil, &net.OpError{Op: "dial", Net: network, Err: &net.DNSError{Err: "no such host", Name: "no-such-name.invalid", IsNotFound: true}}
	}}}, r.tracer.Middleware)
	tests := []struct {
		client *http.Client
		url    string
		class  string
	}{
		{r.client, refused.URL, "refused"},
		{unknown, "http://no-such-name.invalid/", "dns"},
		{distrustful, r.srv.URL, "tls"},
		{limited, r.srv.URL, "pool_queue_full"},
		{roundtripper.Client(nil, r.tracer.Middleware, closed.Middleware), r.srv.URL, "pool_closed"},
	}
	for _, tt := range tests {
		before := len(r.recorder.Ended())
		if _, err := tt.client.Get(tt.url); err == nil {
			t.Errorf("%s: no error", tt.class)
		}
		if n := len(r.recorder.Ended()); n != before+1 {
			t.Errorf("%s: %d spans ended, want 1", tt.class, n-before)
			continue
		}
		want(t, r.last(), map[attribute.Key]any{"error.type": tt.class, "http.conn.reused": nil, "warmconn.new_reason": nil})
	}
}

func TestSecretsStayOut(t *testing.T) {
	r := newRig(t, func(w http.ResponseWriter, req *http.Request) {
		if req.URL.Query().Get("sig") != "SECRET" || req.Header.Get("Authorization") == "" {
			t.Error("the request itself lost its secrets")
		}
	}, testserver.Options{})
	u := strings.Replace(r.srv.URL, "http://", "http://user:SECRET@", 1) +
		"/p?a=1&sig=SECRET&%73ig=SECRET&X-Amz-Signature=SECRET&X-Amz-Credential=SECRET&X-Amz-Security-Token=SECRET" +
		"&AWSAccessKeyId=SECRET&Signature=SECRET&X-Goog-Signature=SECRET&SIG=SECRET&sig#access_token=SECRET"
	resp, err := r.client.Get(u)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	s := r.last()
	for _, kv := range s.Attributes() {
		if strings.Contains(kv.Value.String(), "SECRET") {
			t.Errorf("%s shows a secret: %s", kv.Key, kv.Value.String())
		}
	}
	want(t, s, map[attribute.Key]any{"url.full": strings.Replace(r.srv.URL, "http://", "http://REDACTED:REDACTED@", 1) +
		"/p?a=1&sig=REDACTED&%73ig=REDACTED&X-Amz-Signature=REDACTED&X-Amz-Credential=REDACTED&X-Amz-Security-Token=REDACTED" +
		"&AWSAccessKeyId=REDACTED&Signature=REDACTED&X-Goog-Signature=REDACTED&SIG=REDACTED&sig"})
}

// What a caller, or whom it listens to, takes for a method is no text of any length.
func TestAnUnknownMethodIsAShortWord(t *testing.T) {
	for method, want := range map[string]string{
		"get":                     "get",
		strings.Repeat("A", 1000): strings.Repeat("A", 61) + "...",
		"GET / HTTP/1.1\r\nX":     "GET?/?HTTP/1.1??X",
	} {
		recorder := tracetest.NewSpanRecorder()
		rt := trace.New(trace.Options{TracerProvider: sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(recorder))}).Middleware(stub.Transport{})
		if err := stub.Do(rt, &http.Request{Method: method, URL: &url.URL{Scheme: "http", Host: "host.example"}, Header: http.Header{}}); err != nil {
			t.Fatal(err)
		}
		s := recorder.Ended()[0]
		if got := attrs(s)["http.request.method_original"].AsString(); got != want || s.Name() != "HTTP" || attrs(s)["http.request.method"].AsString() != "_OTHER" {
			t.Errorf("%.40q: name %q, method_original %q", method, s.Name(), got)
		}
	}
}

func TestUnknownMethod(t *testing.T) {
	r := newRig(t, ok, testserver.Options{})
	req, _ := http.NewRequest("BREW", r.srv.URL, nil)
	resp, err := r.client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	io.Copy(io.Discard, resp.Body)
	resp.Body.Close()
	if s := r.last(); s.Name() != "HTTP" {
		t.Errorf("name %q, want HTTP", s.Name())
	}
	want(t, r.last(), map[attribute.Key]any{"http.request.method": "_OTHER", "http.request.method_original": "BREW"})
}

func TestRedirectsCountResends(t *testing.T) {
	r := newRig(t, func(w http.ResponseWriter, req *http.Request) {
		switch req.URL.Path {
		case "/":
			http.Redirect(w, req, "/1", http.StatusFound)
		case "/1":
			http.Redirect(w, req, "/2", http.StatusFound)
		}
	}, testserver.Options{})
	r.get("/")
	spans := r.recorder.Ended()
	if len(spans) != 3 {
		t.Fatalf("%d spans, want 3", len(spans))
	}
	for i, n := range []any{nil, 1, 2} {
		want(t, spans[i], map[attribute.Key]any{"http.request.resend_count": n})
	}
}

func TestPropagationLeavesTheRequestAlone(t *testing.T) {
	seen := make(chan string, 1)
	r := newRig(t, func(w http.ResponseWriter, req *http.Request) { seen <- req.Header.Get("Traceparent") }, testserver.Options{})
	req, _ := http.NewRequest("GET", r.srv.URL, nil)
	req.Header.Set("X-Own", "1")
	resp, err := r.client.Transport.RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	if resp.Request != req {
		t.Error("resp.Request is not the caller's request")
	}
	if len(req.Header) != 1 {
		t.Errorf("the caller's header became %v", req.Header)
	}
	if got, id := <-seen, r.last().SpanContext().SpanID().String(); !strings.Contains(got, id) {
		t.Errorf("server saw traceparent %q, want span %s in it", got, id)
	}
}

func TestSpanEndsWithTheBody(t *testing.T) {
	r := newRig(t, ok, testserver.Options{})
	resp, err := r.client.Get(r.srv.URL)
	if err != nil {
		t.Fatal(err)
	}
	if n := len(r.recorder.Ended()); n != 0 {
		t.Fatalf("%d spans ended before the body", n)
	}
	io.Copy(io.Discard, resp.Body)
	resp.Body.Close()
	resp.Body.Close()
	if n := len(r.recorder.Ended()); n != 1 {
		t.Errorf("%d spans ended, want 1", n)
	}
}

func TestSpanOfALeakedBodyEnds(t *testing.T) {
	for _, pooled := range []bool{false, true} {
		var mw []roundtripper.Middleware
		if pooled {
			mw = append(mw, pool.New(pool.Options{}).Middleware)
		}
		r := newRig(t, ok, testserver.Options{}, mw...)
		forget(r)
		eventually.Collected(t, "the span to end", func() bool { return len(r.recorder.Ended()) == 1 })
		want(t, r.last(), map[attribute.Key]any{"warmconn.leaked": true, "warmconn.outcome": "leaked"})
	}
}

//go:noinline
func forget(r *rig) {
	if _, err := r.client.Get(r.srv.URL); err != nil {
		r.t.Fatal(err)
	}
}

func TestInnerTracerOfTheSameProviderIsSilent(t *testing.T) {
	recorder := tracetest.NewSpanRecorder()
	tp := sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(recorder))
	srv := testserver.New(http.HandlerFunc(ok), testserver.Options{})
	defer srv.Close()
	sdk := roundtripper.Wrap(srv.Transport(), trace.New(trace.Options{TracerProvider: tp}).Middleware, pool.New(pool.Options{}).Middleware)
	client := roundtripper.Client(&http.Client{Transport: sdk}, trace.New(trace.Options{TracerProvider: tp}).Middleware, pool.New(pool.Options{}).Middleware)
	defer client.CloseIdleConnections()
	resp, err := client.Get(srv.URL)
	if err != nil {
		t.Fatal(err)
	}
	io.Copy(io.Discard, resp.Body)
	resp.Body.Close()
	if n := len(recorder.Ended()); n != 1 {
		t.Errorf("%d spans of one exchange, want 1", n)
	}
}

func TestDurationMetric(t *testing.T) {
	r := newRig(t, func(w http.ResponseWriter, req *http.Request) {
		if req.URL.Path == "/404" {
			w.WriteHeader(404)
		}
	}, testserver.Options{})
	r.get("/")
	r.get("/")
	r.get("/404")
	var rm metricdata.ResourceMetrics
	if err := r.reader.Collect(t.Context(), &rm); err != nil {
		t.Fatal(err)
	}
	if len(rm.ScopeMetrics) != 1 {
		t.Fatalf("metrics %+v, want one", rm.ScopeMetrics)
	}
	m := rm.ScopeMetrics[0].Metrics[0] // the others: metrics_test.go
	h, is := m.Data.(metricdata.Histogram[float64])
	if !is || m.Name != "http.client.request.duration" || m.Unit != "s" {
		t.Fatalf("metric %s in %s, %T", m.Name, m.Unit, m.Data)
	}
	counts := map[int64]uint64{}
	for _, p := range h.DataPoints {
		status, _ := p.Attributes.Value("http.response.status_code")
		counts[status.AsInt64()] = p.Count
		for _, key := range []attribute.Key{"http.request.method", "server.address", "server.port", "network.protocol.version"} {
			if !p.Attributes.HasValue(key) {
				t.Errorf("a point has no %s", key)
			}
		}
		if b := p.Bounds; len(b) != 14 || b[0] != .005 || b[13] != 10 {
			t.Errorf("buckets %v", b)
		}
		if class, has := p.Attributes.Value("error.type"); has != (status.AsInt64() == 404) || has && class.AsString() != "404" {
			t.Errorf("error.type %v on status %d", class.AsString(), status.AsInt64())
		}
	}
	if counts[200] != 2 || counts[404] != 1 {
		t.Errorf("counts %v, want 2 of 200 and 1 of 404", counts)
	}
}

// http.Client's Timeout ends a request by its context or by Request.Cancel, whichever comes
// first. Either way the class is timeout.
func TestClientTimeoutIsATimeout(t *testing.T) {
	r := newRig(t, func(_ http.ResponseWriter, req *http.Request) { <-req.Context().Done() }, testserver.Options{})
	r.client.Timeout = 5 * time.Millisecond
	for range 20 {
		if _, err := r.client.Get(r.srv.URL); err == nil {
			t.Fatal("no timeout")
		}
		s := r.last()
		want(t, s, map[attribute.Key]any{"error.type": "timeout"})
		if lost, has := attrs(s)["warmconn.lost_reason"]; has && lost.AsString() != "timeout" {
			t.Errorf("lost for %q, want timeout", lost.AsString())
		}
	}
}

func TestStatusOutweighsACancel(t *testing.T) {
	r := newRig(t, func(w http.ResponseWriter, req *http.Request) {
		w.WriteHeader(500)
		io.WriteString(w, "x")
		w.(http.Flusher).Flush()
		<-req.Context().Done()
	}, testserver.Options{})
	ctx, cancel := context.WithCancel(t.Context())
	req, _ := http.NewRequestWithContext(ctx, "GET", r.srv.URL, nil)
	resp, err := r.client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	cancel()
	io.Copy(io.Discard, resp.Body)
	resp.Body.Close()
	want(t, r.last(), map[attribute.Key]any{"error.type": "500", "warmconn.outcome": "canceled"})
}
