package roundtripper_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"

	"github.com/warmconn/warmconn/internal/eventually"
	"github.com/warmconn/warmconn/internal/lockorder"
	"github.com/warmconn/warmconn/internal/stub"
	"github.com/warmconn/warmconn/internal/testserver"
	"github.com/warmconn/warmconn/pool"
	"github.com/warmconn/warmconn/roundtripper"
	"github.com/warmconn/warmconn/roundtripper/roundtrippertest"
	"github.com/warmconn/warmconn/trace"
)

// lines are what a logger has written.
type lines struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

func (l *lines) logger(level slog.Level) *slog.Logger {
	return slog.New(slog.NewJSONHandler(l, &slog.HandlerOptions{Level: level}))
}

// all are the lines as their attributes.
func (l *lines) all(t *testing.T) (all []map[string]any) {
	t.Helper()
	for line := range strings.Lines(l.String()) {
		var m map[string]any
		if err := json.Unmarshal([]byte(line), &m); err != nil {
			t.Fatal(err)
		}
		delete(m, "time")
		all = append(all, m)
	}
	return all
}

// tooLong answers with a body that is too long to be drained.
func tooLong(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Length", "1000000000")
	w.Write(make([]byte, 4096))
}

func closeUnread(t *testing.T, c *http.Client, url string) {
	resp, err := c.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
}

func forget(t *testing.T, c *http.Client, url string) {
	if _, err := c.Get(url); err != nil {
		t.Fatal(err)
	}
}

// occupied is a client of a pool whose only slot is taken.
func occupied(t *testing.T, srv *testserver.Server, o pool.Options, mw ...roundtripper.Middleware) *http.Client {
	o.MaxPerHost = 1
	p := pool.New(o)
	c := &http.Client{Transport: roundtripper.Wrap(srv.Transport(), append(mw, p.Middleware)...)}
	resp, err := c.Get(srv.URL)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { resp.Body.Close(); p.Close() })
	return c
}

// wants compares one line with what it is to say. A string that begins with "*" is an end.
func wants(t *testing.T, got, want map[string]any) {
	t.Helper()
	for k, v := range want {
		g := fmt.Sprint(got[k])
		if end, ok := strings.CutPrefix(fmt.Sprint(v), "*"); ok && strings.HasSuffix(g, end) || g == fmt.Sprint(v) {
			continue
		}
		t.Errorf("%s is %v, want %v", k, g, v)
	}
	for k := range got {
		if _, ok := want[k]; !ok {
			t.Errorf("it says %s, too: %v", k, got[k])
		}
	}
}

func TestLogTellsOfALeak(t *testing.T) {
	srv := testserver.New(http.HandlerFunc(handler), testserver.Options{})
	defer srv.Close()
	var out lines
	p := pool.New(pool.Options{})
	defer p.Close()
	c := &http.Client{Transport: roundtripper.Wrap(srv.Transport(), roundtripper.Log(out.logger(slog.LevelInfo)), p.Middleware)}
	forget(t, c, srv.URL)
	eventually.Collected(t, "the leak to be logged", func() bool { return out.String() != "" })
	u, _ := url.Parse(srv.URL)
	got := out.all(t)[0]
	delete(got, "warmconn.lost_reason") // whether its body could be drained
	wants(t, got, map[string]any{
		"level": "WARN", "msg": "response body never closed", "http.request.method": "GET",
		"server.address": u.Hostname(), "server.port": u.Port(),
		"warmconn.outcome": "leaked", "warmconn.caller": "*roundtripper_test.forget",
	})
}

func TestLogTellsOfALostConnection(t *testing.T) {
	srv := testserver.New(http.HandlerFunc(tooLong), testserver.Options{})
	defer srv.Close()
	var out lines
	p := pool.New(pool.Options{})
	defer p.Close()
	c := &http.Client{Transport: roundtripper.Wrap(srv.Transport(), roundtripper.Log(out.logger(slog.LevelInfo)), p.Middleware)}
	closeUnread(t, c, srv.URL)
	if out.String() != "" {
		t.Errorf("no request has missed the connection, and it says %s", out.String())
	}
	closeUnread(t, c, srv.URL)
	all := out.all(t)
	if len(all) != 1 {
		t.Fatalf("%d lines, want 1:\n%s", len(all), out.String())
	}
	u, _ := url.Parse(srv.URL)
	if all[0]["warmconn.conn_wait"].(float64) <= 0 {
		t.Errorf("the wait was %v s", all[0]["warmconn.conn_wait"])
	}
	delete(all[0], "warmconn.conn_wait")
	wants(t, all[0], map[string]any{
		"level": "INFO", "msg": "connection lost", "http.request.method": "GET",
		"server.address": u.Hostname(), "server.port": u.Port(),
		"warmconn.new_reason": "body_unread", "warmconn.conn_id": 2, "warmconn.culprit.caller": "*roundtripper_test.closeUnread",
	})
}

func TestLogTellsOfARefusal(t *testing.T) {
	for _, v := range []struct {
		options pool.Options
		class   string
		wait    any
	}{
		{pool.Options{MaxWaiting: -1}, "pool_queue_full", nil},
		{pool.Options{WaitTimeout: 2 * time.Second}, "pool_wait_timeout", 2},
	} {
		t.Run(v.class, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				srv := testserver.New(http.HandlerFunc(handler), testserver.Options{Memory: true})
				defer srv.Close()
				var out lines
				c := occupied(t, srv, v.options, roundtripper.Log(out.logger(slog.LevelInfo)))
				refused(c, srv.URL)
				all := out.all(t)
				if len(all) != 1 {
					t.Fatalf("%d lines, want 1:\n%s", len(all), out.String())
				}
				u, _ := url.Parse(srv.URL)
				want := map[string]any{
					"level": "WARN", "msg": "request refused", "http.request.method": "GET",
					"server.address": u.Hostname(), "error.type": v.class, "warmconn.caller": "*roundtripper_test.refused",
				}
				if u.Port() != "" {
					want["server.port"] = u.Port()
				}
				if v.wait != nil {
					want["warmconn.pool_wait"] = v.wait
				}
				wants(t, all[0], want)
			})
		})
	}
}

// refused asks in vain.
func refused(c *http.Client, url string) error {
	resp, err := c.Get(url)
	if err == nil {
		resp.Body.Close()
	}
	return err
}

func TestLogTellsOfDeadlinesInTheQueueAndNotOfCancellations(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv := testserver.New(http.HandlerFunc(handler), testserver.Options{Memory: true})
		defer srv.Close()
		var out lines
		c := occupied(t, srv, pool.Options{}, roundtripper.Log(out.logger(slog.LevelDebug)))
		for _, end := range []error{context.Canceled, context.DeadlineExceeded} {
			ctx, cancel := context.WithTimeoutCause(t.Context(), time.Second, end)
			if end == context.Canceled {
				time.AfterFunc(time.Millisecond, cancel)
			}
			req, _ := http.NewRequestWithContext(ctx, "GET", srv.URL, nil)
			if _, err := c.Do(req); !errors.Is(err, end) {
				t.Errorf("got %v, want %v", err, end)
			}
			cancel()
		}
		all := out.all(t)
		if len(all) != 1 || all[0]["error.type"] != "timeout" {
			t.Errorf("want one line, of the deadline:\n%s", out.String())
		}
	})
}

func TestLogIsNotFloodedByAStorm(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv := testserver.New(http.HandlerFunc(handler), testserver.Options{Memory: true})
		defer srv.Close()
		var out lines
		c := occupied(t, srv, pool.Options{MaxWaiting: -1}, roundtripper.Log(out.logger(slog.LevelInfo)))
		storm := func(n int) {
			for range n {
				refused(c, srv.URL)
			}
		}
		storm(1000)
		time.Sleep(10*time.Second - 1)
		storm(1)
		if n := len(out.all(t)); n != 1 {
			t.Fatalf("%d lines in 10 s, want 1", n)
		}
		time.Sleep(time.Nanosecond)
		storm(500)
		all := out.all(t)
		if len(all) != 2 {
			t.Fatalf("%d lines, want a second one", len(all))
		}
		if _, ok := all[0]["suppressed"]; ok || fmt.Sprint(all[1]["suppressed"]) != "1000" {
			t.Errorf("suppressed are %v and %v, want none and 1000", all[0]["suppressed"], all[1]["suppressed"])
		}
	})
}

// A host's storm does not hide another's first line, and a crawler's is one of all hosts.
func TestLogIsBoundedWhateverTheNumberOfHosts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv := testserver.New(http.HandlerFunc(handler), testserver.Options{Memory: true})
		defer srv.Close()
		var out lines
		p := pool.New(pool.Options{MaxTotal: 1, MaxWaiting: -1})
		defer p.Close()
		c := &http.Client{Transport: roundtripper.Wrap(srv.Transport(), roundtripper.Log(out.logger(slog.LevelInfo)), p.Middleware)}
		resp, err := c.Get(srv.URL)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		const n = 1000
		round := func() {
			for i := range n {
				refused(c, fmt.Sprintf("http://host%d.example/", i))
			}
		}
		round()
		if got := len(out.all(t)); got != 65 {
			t.Errorf("%d lines for %d hosts, want 65", got, n)
		}
		time.Sleep(time.Hour)
		round()
		all := out.all(t)
		if len(all) != 130 {
			t.Errorf("%d lines an hour later, want 130", len(all))
		}
		suppressed := 0.0
		for _, l := range all {
			if v, ok := l["suppressed"]; ok {
				suppressed += v.(float64)
			}
		}
		if want := float64(n - 65); suppressed != want {
			t.Errorf("%v suppressed, want all that were not logged before: %v", suppressed, want)
		}
	})
}

// The program's own settings are for Debug, and what is not logged takes no line's turn.
func TestLogOfWhatTheProgramWantedIsForDebug(t *testing.T) {
	srv := testserver.New(http.HandlerFunc(handler), testserver.Options{})
	defer srv.Close()
	var out lines
	var level slog.LevelVar
	p := pool.New(pool.Options{MaxConnRequests: 1})
	defer p.Close()
	log := slog.New(slog.NewJSONHandler(&out, &slog.HandlerOptions{Level: &level}))
	c := &http.Client{Transport: roundtripper.Wrap(srv.Transport(), roundtripper.Log(log), p.Middleware)}
	again := func() {
		if _, err := read(c, srv.URL); err != nil {
			t.Fatal(err)
		}
	}
	again()
	again()
	if out.String() != "" {
		t.Errorf("at Info: %s", out.String())
	}
	level.Set(slog.LevelDebug)
	again()
	all := out.all(t)
	if len(all) != 1 || all[0]["level"] != "DEBUG" || all[0]["warmconn.new_reason"] != "max_requests" || all[0]["suppressed"] != nil {
		t.Errorf("at Debug: %s", out.String())
	}
}

func TestLogWithoutALoggerIsTheDefaultOfThatMoment(t *testing.T) {
	srv := testserver.New(http.HandlerFunc(handler), testserver.Options{})
	defer srv.Close()
	c := occupied(t, srv, pool.Options{MaxWaiting: -1}, roundtripper.Log(nil))
	var out lines
	before := slog.Default()
	defer slog.SetDefault(before)
	slog.SetDefault(out.logger(slog.LevelInfo))
	refused(c, srv.URL)
	if n := len(out.all(t)); n != 1 {
		t.Errorf("%d lines, want 1", n)
	}
}

func TestLogTellsNoSecret(t *testing.T) {
	srv := testserver.New(http.HandlerFunc(tooLong), testserver.Options{})
	defer srv.Close()
	var out lines
	p := pool.New(pool.Options{MaxWaiting: -1})
	defer p.Close()
	c := &http.Client{Transport: roundtripper.Wrap(srv.Transport(), roundtripper.Log(out.logger(slog.LevelDebug)), p.Middleware)}
	at := strings.Replace(srv.URL, "http://", "http://user:hush@", 1) + "/hush?key=hush#hush"
	send := func(c *http.Client) {
		req, err := http.NewRequest("GET", at, nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Authorization", "hush")
		req.Header.Set("Cookie", "hush")
		if resp, err := c.Do(req); err == nil {
			resp.Body.Close()
		}
	}
	send(c)
	send(c)
	send(occupied(t, srv, pool.Options{MaxWaiting: -1}, roundtripper.Log(out.logger(slog.LevelDebug))))
	if n := len(out.all(t)); n != 2 {
		t.Errorf("%d lines, want a loss and a refusal", n)
	}
	if strings.Contains(out.String(), "hush") {
		t.Errorf("it tells a secret:\n%s", out.String())
	}
}

// The pool refuses before net/http has looked at the method.
func TestLogOfAMethodIsOneShortWord(t *testing.T) {
	srv := testserver.New(http.HandlerFunc(handler), testserver.Options{})
	defer srv.Close()
	for method, want := range map[string]string{
		"PROPFIND":                "PROPFIND",
		"A\r\nB \x1b[31m":         "A??B??[31m",
		strings.Repeat("M", 1000): strings.Repeat("M", 61) + "...",
	} {
		var out lines
		c := occupied(t, srv, pool.Options{MaxWaiting: -1}, roundtripper.Log(out.logger(slog.LevelInfo)))
		req, err := http.NewRequest("GET", srv.URL, nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Method = method
		if resp, err := c.Do(req); err == nil {
			resp.Body.Close()
		}
		if all := out.all(t); len(all) != 1 || all[0]["http.request.method"] != want {
			t.Errorf("of the method %.20q it says %s, want %s", method, out.String(), want)
		}
	}
}

// What spans say, too, has their names and their values.
func TestLogHasTheNamesOfSpans(t *testing.T) {
	synctest.Test(t, func(t *testing.T) { // the span has no wait of less than 100 µs, as a dial on loopback may be
		srv := testserver.New(http.HandlerFunc(tooLong), testserver.Options{Memory: true})
		defer srv.Close()
		var out lines
		spans := tracetest.NewSpanRecorder()
		tracer := trace.New(trace.Options{TracerProvider: sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(spans))})
		p := pool.New(pool.Options{})
		defer p.Close()
		base := srv.Transport()
		base.DialContext = testserver.Distant(srv.Dial, time.Millisecond)
		c := &http.Client{Transport: roundtripper.Wrap(base, roundtripper.Log(out.logger(slog.LevelInfo)), tracer.Middleware, p.Middleware)}
		closeUnread(t, c, srv.URL)
		closeUnread(t, c, srv.URL)
		all, ended := out.all(t), spans.Ended()
		if len(all) != 1 || len(ended) != 2 {
			t.Fatalf("%d lines and %d spans, want 1 and 2", len(all), len(ended))
		}
		said := make(map[string]string)
		for _, a := range ended[1].Attributes() {
			said[string(a.Key)] = a.Value.String()
		}
		same := 0
		for k, v := range all[0] {
			if k == "level" || k == "msg" || strings.HasPrefix(k, "warmconn.culprit.") {
				continue
			}
			if same++; said[k] != fmt.Sprint(v) {
				t.Errorf("%s is %v, and on the span %q", k, v, said[k])
			}
		}
		if same < 6 {
			t.Errorf("%d attributes compared, want 6", same)
		}
		link := ended[1].Links()[0].SpanContext
		if all[0]["warmconn.culprit.span_id"] != link.SpanID().String() || all[0]["warmconn.culprit.trace_id"] != link.TraceID().String() {
			t.Errorf("the culprit is %v in %v, and by the span's link %v", all[0]["warmconn.culprit.span_id"], all[0]["warmconn.culprit.trace_id"], link)
		}
	})
}

// TestLogCostsNothingWhereThereIsNothingToTell pins it.
func TestLogCostsNothingWhereThereIsNothingToTell(t *testing.T) {
	if raceEnabled || lockorder.Checked {
		t.Skip("SKIPPED: the check of races, or of the order of locks, allocates")
	}
	req, _ := http.NewRequest("GET", "http://host.example/", nil)
	allocs := func(mw ...roundtripper.Middleware) float64 {
		rt := roundtripper.Wrap(stub.Transport{}, mw...)
		for range 1000 { // past the pool's first stacks
			stub.Do(rt, req)
		}
		return testing.AllocsPerRun(1000, func() { stub.Do(rt, req) })
	}
	log := roundtripper.Log(slog.New(slog.NewTextHandler(io.Discard, nil)))
	p := pool.New(pool.Options{})
	without, with := allocs(p.Middleware), allocs(log, p.Middleware)
	t.Logf("with a pool %v, and with the log %v", without, with)
	if with > without {
		t.Errorf("the log allocates %v more, want nothing", with-without)
	}
}

func TestLogKeepsTheContract(t *testing.T) {
	roundtrippertest.TestMiddleware(t, roundtripper.Log(slog.New(slog.DiscardHandler)))
}
