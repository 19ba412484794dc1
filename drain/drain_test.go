package drain_test

import (
	"compress/gzip"
	"context"
	"fmt"
	"io"
	"math"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/warmconn/warmconn/drain"
	"github.com/warmconn/warmconn/internal/testserver"
	"github.com/warmconn/warmconn/pool"
	"github.com/warmconn/warmconn/roundtripper"
)

// framings are the ways in which a server can delimit a body of n bytes.
var framings = []struct {
	name  string
	write func(w http.ResponseWriter, n int)
}{
	{"content length", func(w http.ResponseWriter, n int) {
		w.Header().Set("Content-Length", fmt.Sprint(n))
		io.WriteString(w, strings.Repeat("x", n))
	}},
	{"chunked", func(w http.ResponseWriter, n int) {
		w.(http.Flusher).Flush()
		io.WriteString(w, strings.Repeat("x", n))
	}},
	{"chunked with announced trailer", func(w http.ResponseWriter, n int) {
		w.Header().Set("Trailer", "X-Sum")
		w.(http.Flusher).Flush()
		io.WriteString(w, strings.Repeat("x", n))
		w.Header().Set("X-Sum", "1")
	}},
	{"chunked with trailer not announced", func(w http.ResponseWriter, n int) {
		w.(http.Flusher).Flush()
		io.WriteString(w, strings.Repeat("x", n))
		w.Header().Set(http.TrailerPrefix+"X-Sum", "1")
	}},
	{"gzip", func(w http.ResponseWriter, n int) {
		w.Header().Set("Content-Encoding", "gzip")
		z := gzip.NewWriter(w)
		io.WriteString(z, strings.Repeat("x", n))
		z.Close()
	}},
}

func TestClosedUnreadBodyKeepsItsConnection(t *testing.T) {
	for _, secure := range []bool{false, true} {
		for _, f := range framings {
			for _, size := range []int{1, 100, 4 << 10, 32 << 10} {
				t.Run(fmt.Sprintf("tls=%v/%s/%d", secure, f.name, size), func(t *testing.T) {
					opened := func() int {
						srv := testserver.New(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
							f.write(w, size)
						}), testserver.Options{TLS: secure})
						defer srv.Close()
						base := srv.Transport()
						defer base.CloseIdleConnections()
						client := roundtripper.Client(&http.Client{Transport: base}, drain.New(patient).Middleware)
						for range 20 {
							resp, err := client.Get(srv.URL)
							if err != nil {
								t.Fatal(err)
							}
							if err := resp.Body.Close(); err != nil {
								t.Fatalf("Close: %v", err)
							}
						}
						return srv.Opened()
					}
					// Net/http does not keep a connection if it learns late that the request was
					// written (maxWriteWaitBeforeConnReuse, 50 ms): a busy machine has two tries.
					if got := opened(); got != 1 && opened() != 1 {
						t.Errorf("%d connections for 20 requests, want 1", got)
					}
				})
			}
		}
	}
}

// patient drains for as long as it takes: the framings are tested, not the machine.
var patient = drain.Options{Policy: drain.Fixed, MaxTime: time.Minute}

// observed returns a client with a drain and the exchanges that it made.
func observed(srv *testserver.Server, o drain.Options) (*http.Client, func() roundtripper.Exchange) {
	ch := make(chan roundtripper.Exchange, 100)
	base := srv.Transport()
	client := roundtripper.Client(&http.Client{Transport: base},
		roundtripper.Observe(roundtripper.Observer{End: func(_ context.Context, e roundtripper.Exchange) { ch <- e }}),
		drain.New(o).Middleware)
	return client, func() roundtripper.Exchange { return <-ch }
}

func TestWhatIsNeverDrained(t *testing.T) {
	big := strings.Repeat("x", 300<<10)
	tests := []struct {
		name    string
		http2   bool
		req     func(*http.Request)
		handler http.HandlerFunc
		skipped string
		lost    roundtripper.NewReason
	}{
		{"known rest over the limit", false, nil, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", fmt.Sprint(len(big)))
			io.WriteString(w, big)
		}, "too_large", "body_unread"},
		{"response says close", false, nil, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Connection", "close")
			io.WriteString(w, "hello")
		}, "close", "server_close"},
		{"request says close", false, func(r *http.Request) { r.Close = true }, func(w http.ResponseWriter, _ *http.Request) {
			io.WriteString(w, "hello")
		}, "close", "client_close"},
		{"request header says close", false, func(r *http.Request) { r.Header.Set("Connection", "close") }, func(w http.ResponseWriter, _ *http.Request) {
			io.WriteString(w, "hello")
		}, "close", "client_close"},
		{"event stream", false, nil, func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", "Text/Event-Stream; charset=utf-8")
			w.(http.Flusher).Flush()
			<-r.Context().Done()
		}, "event_stream", "body_unread"},
		{"HTTP/1.0 without keep-alive", false, nil, func(w http.ResponseWriter, _ *http.Request) {
			c, _, err := http.NewResponseController(w).Hijack()
			if err != nil {
				panic(err)
			}
			io.WriteString(c, "HTTP/1.0 200 OK\r\nContent-Length: 5\r\n\r\nhello")
			c.Close()
		}, "close", "server_close"},
		{"body ends with the connection", false, nil, func(w http.ResponseWriter, _ *http.Request) {
			c, _, err := http.NewResponseController(w).Hijack()
			if err != nil {
				panic(err)
			}
			io.WriteString(c, "HTTP/1.1 200 OK\r\n\r\nhello")
			c.Close()
		}, "close", "server_close"},
		{"HTTP/2", true, nil, func(w http.ResponseWriter, _ *http.Request) {
			io.WriteString(w, strings.Repeat("x", 100<<10))
		}, "http2", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			srv := testserver.New(tt.handler, testserver.Options{HTTP2: tt.http2})
			defer srv.Close()
			client, next := observed(srv, patient)
			defer client.CloseIdleConnections()
			req, _ := http.NewRequest("GET", srv.URL, nil)
			if tt.req != nil {
				tt.req(req)
			}
			resp, err := client.Do(req)
			if err != nil {
				t.Fatal(err)
			}
			resp.Body.Close()
			e := next()
			if e.Outcome != roundtripper.OutcomeSkipped || e.Skipped != tt.skipped || e.BytesDrained != 0 {
				t.Errorf("outcome %q, skipped %q, %d bytes drained; want skipped, %q, 0", e.Outcome, e.Skipped, e.BytesDrained, tt.skipped)
			}
			if e.LostReason != tt.lost {
				t.Errorf("lost for %q, want %q", e.LostReason, tt.lost)
			}
		})
	}
}

func TestKeepAlivesOffIsNotDrained(t *testing.T) {
	srv := testserver.New(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "hello") }), testserver.Options{})
	defer srv.Close()
	var got roundtripper.Exchange
	client := roundtripper.Client(&http.Client{Transport: &http.Transport{DisableKeepAlives: true}},
		roundtripper.Observe(roundtripper.Observer{End: func(_ context.Context, e roundtripper.Exchange) { got = e }}),
		drain.New(drain.Options{}).Middleware)
	resp, err := client.Get(srv.URL)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if got.Skipped != "close" || got.LostReason != roundtripper.ReasonKeepAlivesDisabled {
		t.Errorf("skipped %q, lost for %q; want close, keepalives_disabled", got.Skipped, got.LostReason)
	}
}

// TestCloseIsBounded has servers misbehave in the body. Close must return
// within the limit and 5 ms, and the connection must not be used again.
func TestCloseIsBounded(t *testing.T) {
	const limit, slack = 20 * time.Millisecond, 5 * time.Millisecond
	hang := func(first string) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			io.WriteString(w, first)
			w.(http.Flusher).Flush()
			<-r.Context().Done()
		}
	}
	tests := []struct {
		name    string
		handler http.HandlerFunc
		reading bool // a Read hangs in another goroutine
		known   bool // how much is left
	}{
		{name: "hangs at once", handler: hang("")},
		{name: "hangs in the middle", handler: hang("hello")},
		{name: "hangs, of known length", known: true, handler: func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Length", "1000")
			hang("hello")(w, r)
		}},
		{name: "last chunk never comes", handler: hang(strings.Repeat("x", 8<<10))},
		{name: "drips", handler: func(w http.ResponseWriter, r *http.Request) {
			for r.Context().Err() == nil {
				io.WriteString(w, "x")
				w.(http.Flusher).Flush()
				select {
				case <-time.After(10 * time.Millisecond):
				case <-r.Context().Done():
				}
			}
		}},
		{name: "never ends", handler: func(w http.ResponseWriter, r *http.Request) {
			buf := make([]byte, 32<<10)
			for r.Context().Err() == nil {
				if _, err := w.Write(buf); err != nil {
					return
				}
			}
		}},
		{name: "gzip header never comes", handler: func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Encoding", "gzip")
			hang("")(w, r)
		}},
		{name: "a Read is blocked", handler: hang(""), reading: true},
		{name: "a Read of gzip is blocked", handler: func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Encoding", "gzip")
			hang("")(w, r)
		}, reading: true},
	}
	policies := []struct {
		name   string
		o      drain.Options
		pooled bool
	}{
		{"fixed", drain.Options{Policy: drain.Fixed, MaxTime: limit}, false},
		{"adaptive", drain.Options{MaxTime: limit}, false},
		{"adaptive, pooled", drain.Options{MaxTime: limit}, true},
		{"default, pooled", drain.Options{}, true},
		{"background, pooled", drain.Options{Background: 10, MaxTime: limit}, true},
	}
	for _, secure := range []bool{false, true} {
		for _, tt := range tests {
			for _, p := range policies {
				t.Run(fmt.Sprintf("tls=%v/%s/%s", secure, tt.name, p.name), func(t *testing.T) {
					srv := testserver.New(tt.handler, testserver.Options{TLS: secure})
					defer srv.Close()
					client, next := observed(srv, p.o)
					defer client.CloseIdleConnections()
					if p.pooled {
						client.Transport = pool.New(pool.Options{}).Middleware(client.Transport)
					}
					bound := limit + slack
					if p.o.Background > 0 {
						bound = slack
					}
					best := time.Hour // of some, for the machine may be busy
					for try := 0; try < 40 && (try < 2 || best > bound); try++ {
						resp, err := client.Get(srv.URL)
						if err != nil {
							t.Fatal(err)
						}
						if tt.reading {
							started := make(chan struct{})
							go func() {
								close(started)
								resp.Body.Read(make([]byte, 1))
							}()
							<-started
						}
						began := time.Now()
						resp.Body.Close()
						best = min(best, time.Since(began))
						want := roundtripper.ReasonBodyUnread
						// Net/http may still bring it back. A drain that gives up leaves it a
						// body of known length, by Adaptive.
						if nativeDrain && (tt.reading || tt.known && p.o.Policy == drain.Adaptive) {
							want = roundtripper.ReasonDraining
						}
						if e := next(); e.Returned || e.LostReason != want && e.LostReason != roundtripper.ReasonBodyUnread {
							t.Errorf("returned %v, lost for %q; want false, %s", e.Returned, e.LostReason, want)
						}
					}
					if best > bound {
						t.Errorf("Close took %v, want at most %v", best, bound)
					}
				})
			}
		}
	}
}

func TestCloseEndsAReadThatHangs(t *testing.T) {
	srv := testserver.New(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.(http.Flusher).Flush()
		<-r.Context().Done()
	}), testserver.Options{})
	defer srv.Close()
	client, _ := observed(srv, drain.Options{})
	resp, err := client.Get(srv.URL)
	if err != nil {
		t.Fatal(err)
	}
	read := make(chan error, 1)
	started := make(chan struct{})
	go func() {
		close(started)
		_, err := resp.Body.Read(make([]byte, 1))
		read <- err
	}()
	<-started
	resp.Body.Close()
	if err := <-read; err == nil || err == io.EOF {
		t.Errorf("Read under Close returned %v, want an error", err)
	}
}

func TestPoliciesAndCaps(t *testing.T) {
	srv := testserver.New(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		io.WriteString(w, strings.Repeat("x", 1000))
	}), testserver.Options{})
	defer srv.Close()
	tests := []struct {
		name string
		o    drain.Options
		want roundtripper.Outcome
	}{
		{"zero bytes and time", drain.Options{Policy: drain.Fixed}, roundtripper.OutcomeDrained},
		{"never", drain.Options{Policy: drain.Never}, roundtripper.OutcomeSkipped},
		{"negative bytes", drain.Options{MaxBytes: -1}, roundtripper.OutcomeSkipped},
		{"negative time", drain.Options{MaxTime: -1}, roundtripper.OutcomeSkipped},
		{"rest is just the limit", drain.Options{Policy: drain.Fixed, MaxBytes: 1000}, roundtripper.OutcomeDrained},
		{"rest is one more", drain.Options{Policy: drain.Fixed, MaxBytes: 999}, roundtripper.OutcomeSkipped},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			client, next := observed(srv, tt.o)
			defer client.CloseIdleConnections()
			resp, err := client.Get(srv.URL)
			if err != nil {
				t.Fatal(err)
			}
			resp.Body.Close()
			if e := next(); e.Outcome != tt.want {
				t.Errorf("outcome %q, want %q", e.Outcome, tt.want)
			}
		})
	}
}

func TestSmallerBudgetOfTwoDrainsWins(t *testing.T) {
	srv := testserver.New(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		io.WriteString(w, strings.Repeat("x", 1000))
	}), testserver.Options{})
	defer srv.Close()
	var got roundtripper.Exchange
	client := roundtripper.Client(nil,
		roundtripper.Observe(roundtripper.Observer{End: func(_ context.Context, e roundtripper.Exchange) { got = e }}),
		drain.New(patient).Middleware,
		drain.New(drain.Options{MaxBytes: 10}).Middleware)
	resp, err := client.Get(srv.URL)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if got.Skipped != "too_large" {
		t.Errorf("outcome %q, skipped %q; want skipped, too_large", got.Outcome, got.Skipped)
	}
}

// TestLimitsMayBeTheLargestThereAre, over net/http and over another base.
func TestLimitsMayBeTheLargestThereAre(t *testing.T) {
	srv := testserver.New(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.(http.Flusher).Flush()
		time.Sleep(5 * time.Millisecond)
		io.WriteString(w, "hello")
	}), testserver.Options{})
	defer srv.Close()
	foreign := func(next http.RoundTripper) http.RoundTripper { return roundtripper.Func(next.RoundTrip) }
	for _, mw := range []roundtripper.Middleware{nil, foreign} {
		var got roundtripper.Exchange
		client := roundtripper.Client(&http.Client{Transport: srv.Transport()},
			roundtripper.Observe(roundtripper.Observer{End: func(_ context.Context, e roundtripper.Exchange) { got = e }}),
			drain.New(drain.Options{Policy: drain.Fixed, MaxBytes: math.MaxInt64, MaxTime: math.MaxInt64}).Middleware, mw)
		resp, err := client.Get(srv.URL)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if got.Outcome != roundtripper.OutcomeDrained || got.BytesDrained != 5 {
			t.Errorf("foreign=%v: %s, %d bytes", mw != nil, got.Outcome, got.BytesDrained)
		}
		client.CloseIdleConnections()
	}
}

// TestCancelIsNotADrainInVain: a drain that was canceled does not show how long the host's
// bodies are.
func TestCancelIsNotADrainInVain(t *testing.T) {
	srv := testserver.New(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		io.WriteString(w, strings.Repeat("x", 5000))
		w.(http.Flusher).Flush()
		if r.URL.Path == "/loser" {
			<-r.Context().Done()
		}
	}), testserver.Options{})
	defer srv.Close()
	client, next := observed(srv, drain.Options{})
	defer client.CloseIdleConnections()
	for range 10 {
		ctx, cancel := context.WithCancel(t.Context())
		req, _ := http.NewRequestWithContext(ctx, "GET", srv.URL+"/loser", nil)
		resp, err := client.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		cancel()
		resp.Body.Close()
		if e := next(); e.Outcome != roundtripper.OutcomeCanceled {
			t.Errorf("%s, skipped %q; want canceled", e.Outcome, e.Skipped)
		}
	}
}
