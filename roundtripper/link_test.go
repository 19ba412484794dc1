package roundtripper_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"slices"
	"strings"
	"testing"
	"time"

	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"

	"github.com/warmconn/warmconn/drain"
	"github.com/warmconn/warmconn/internal/eventually"
	"github.com/warmconn/warmconn/internal/testserver"
	"github.com/warmconn/warmconn/pool"
	"github.com/warmconn/warmconn/roundtripper"
	"github.com/warmconn/warmconn/trace"
)

// collect returns an Observe layer and a channel of its Exchanges.
func collect() (roundtripper.Middleware, chan roundtripper.Exchange) {
	ends := make(chan roundtripper.Exchange, 1000)
	return roundtripper.Observe(roundtripper.Observer{End: func(_ context.Context, e roundtripper.Exchange) { ends <- e }}), ends
}

// foreign is foreign middleware.
func foreign(f func(next http.RoundTripper, req *http.Request) (*http.Response, error)) roundtripper.Middleware {
	return func(next http.RoundTripper) http.RoundTripper {
		return roundtripper.Func(func(req *http.Request) (*http.Response, error) { return f(next, req) })
	}
}

// signs is like an SDK's authentication: it sends another request, and returns another body.
var signs = foreign(func(next http.RoundTripper, req *http.Request) (*http.Response, error) {
	signed := req.Clone(req.Context())
	signed.Header.Set("Authorization", "secret")
	signed.URL.RawQuery = "sig=secret"
	resp, err := next.RoundTrip(signed)
	if err == nil && resp.Body != http.NoBody {
		resp.Body = struct {
			io.Reader
			io.Closer
		}{resp.Body, resp.Body}
	}
	return resp, err
})

// TestLayersAboveForeignMiddlewareKnowWhatThoseBelowKnow: pool's connections, slots and the
// drain are below foreign middleware, and the Observer above has their facts.
func TestLayersAboveForeignMiddlewareKnowWhatThoseBelowKnow(t *testing.T) {
	srv := testserver.New(http.HandlerFunc(handler), testserver.Options{})
	defer srv.Close()
	outer, ends := collect()
	inner, below := collect()
	p := pool.New(pool.Options{MaxPerHost: 1})
	client := roundtripper.Client(&http.Client{Transport: srv.Transport()}, outer, signs, inner, drain.New(drain.Options{Policy: drain.Fixed, MaxBytes: 1 << 20, MaxTime: time.Minute}).Middleware, p.Middleware)
	defer client.CloseIdleConnections()
	s := &scene{t: t, srv: srv, client: client, pool: p, ends: ends}
	next := func() roundtripper.Exchange {
		t.Helper()
		e, b := s.next(), <-below
		if e.ConnID != b.ConnID || e.ConnUses != b.ConnUses || e.Reused != b.Reused || e.NewReason != b.NewReason || e.LostReason != b.LostReason ||
			e.Returned != b.Returned || e.Outcome != b.Outcome || e.BytesDrained != b.BytesDrained || e.PoolWait != b.PoolWait || e.Connect != b.Connect || e.OwnDial != b.OwnDial {
			t.Errorf("above: %+v\nbelow: %+v", e, b)
		}
		return e
	}

	s.do("/", nil).Body.Close()
	if e := next(); e.Outcome != "drained" || e.BytesDrained != 1 || !e.Returned || e.Connect == 0 || !e.OwnDial {
		t.Errorf("closed unread: %+v", e)
	}
	srv.CloseClientConnections()
	s.seen()
	s.do("/", nil).Body.Close()
	if e := next(); e.NewReason != "server_closed_idle" {
		t.Errorf("new for %q, want the reason that only the owner of the connection has seen", e.NewReason)
	}
	s.do("/big", nil).Body.Close()
	if e := next(); e.Outcome != "skipped" || e.Skipped != "too_large" || e.LostReason != "body_unread" {
		t.Errorf("too large: %+v", e)
	}

	held := s.do("/", nil)
	waiting := make(chan struct{})
	go func() {
		defer close(waiting)
		s.do("/", nil).Body.Close()
	}()
	eventually.True(t, "the second to wait for a slot", func() bool { return p.Stats().Waiting > 0 })
	held.Body.Close()
	<-waiting
	// The two end at once, in any order on each side.
	above, beneath := []roundtripper.Exchange{s.next(), s.next()}, []roundtripper.Exchange{<-below, <-below}
	for _, side := range [][]roundtripper.Exchange{above, beneath} {
		if a, b := side[0].PoolWait, side[1].PoolWait; (a == 0) == (b == 0) {
			t.Errorf("waited %v and %v for a slot, want one to wait", a, b)
		}
	}
	if a, b := above[0].PoolWait+above[1].PoolWait, beneath[0].PoolWait+beneath[1].PoolWait; a != b {
		t.Errorf("waited %v above and %v below", a, b)
	}
	p.Close()
	if _, err := client.Get(srv.URL); !errors.Is(err, pool.ErrClosed) {
		t.Errorf("closed pool: %v", err)
	}
	if e := next(); e.Outcome != "refused" {
		t.Errorf("outcome %q, want refused", e.Outcome)
	}
}

// TestFactsAreOfTheLastAttempt: above a retrier the facts are those of the attempt whose
// response it returns.
func TestFactsAreOfTheLastAttempt(t *testing.T) {
	srv := testserver.New(http.HandlerFunc(handler), testserver.Options{})
	defer srv.Close()
	outer, ends := collect()
	inner, below := collect()
	twice := foreign(func(next http.RoundTripper, req *http.Request) (*http.Response, error) {
		resp, err := next.RoundTrip(req)
		if err != nil {
			return nil, err
		}
		resp.Body.Close() // unread: net/http closes the connection
		return next.RoundTrip(req)
	})
	client := roundtripper.Client(&http.Client{Transport: srv.Transport()}, outer, twice, inner, drain.New(drain.Options{Policy: drain.Never}).Middleware, pool.New(pool.Options{}).Middleware)
	resp, err := client.Get(srv.URL)
	if err != nil {
		t.Fatal(err)
	}
	io.Copy(io.Discard, resp.Body)
	resp.Body.Close()
	first, last, all := <-below, <-below, <-ends
	if first.NewReason != "first" || last.NewReason != "body_unread" || all.NewReason != "body_unread" || all.ConnID != last.ConnID {
		t.Errorf("attempts new for %q and %q, the whole for %q over connection %d", first.NewReason, last.NewReason, all.NewReason, all.ConnID)
	}
}

// TestMiddlewareMayAskForTheEndOfTheConnection: RoundTrippers must not change the request that
// they are given, but some do, and ask for the connection to be closed.
func TestMiddlewareMayAskForTheEndOfTheConnection(t *testing.T) {
	srv := testserver.New(http.HandlerFunc(handler), testserver.Options{})
	defer srv.Close()
	for name, change := range map[string]func(*http.Request){
		"close":  func(req *http.Request) { req.Close = true },
		"header": func(req *http.Request) { req.Header.Set("Connection", "close") },
	} {
		t.Run(name, func(t *testing.T) {
			outer, ends := collect()
			last := foreign(func(next http.RoundTripper, req *http.Request) (*http.Response, error) {
				change(req)
				return next.RoundTrip(req)
			})
			client := roundtripper.Client(&http.Client{Transport: srv.Transport()}, outer, last)
			resp, err := client.Get(srv.URL)
			if err != nil {
				t.Fatal(err)
			}
			io.Copy(io.Discard, resp.Body)
			resp.Body.Close()
			if e := <-ends; e.LostReason != "client_close" {
				t.Errorf("lost for %q, want client_close", e.LostReason)
			}
		})
	}
}

// TestSomebodyElsesRequestIsNotTheExchange: a middleware fetches a token on the way, over a
// connection to another host.
func TestSomebodyElsesRequestIsNotTheExchange(t *testing.T) {
	srv := testserver.New(http.HandlerFunc(handler), testserver.Options{})
	defer srv.Close()
	tokens := testserver.New(http.HandlerFunc(handler), testserver.Options{})
	defer tokens.Close()
	for _, kit := range []bool{false, true} {
		t.Run(fmt.Sprintf("over the kit=%v", kit), func(t *testing.T) {
			outer, ends := collect()
			var below []roundtripper.Middleware
			if kit {
				below = []roundtripper.Middleware{drain.New(patient).Middleware, pool.New(pool.Options{}).Middleware}
			}
			fetch := foreign(func(next http.RoundTripper, req *http.Request) (*http.Response, error) {
				resp, err := next.RoundTrip(req)
				if err != nil {
					return nil, err
				}
				token, err := http.NewRequestWithContext(req.Context(), "GET", tokens.URL, nil)
				if err != nil {
					return nil, err
				}
				tr, err := next.RoundTrip(token)
				if err != nil {
					return nil, err
				}
				io.Copy(io.Discard, tr.Body)
				tr.Body.Close()
				return resp, nil
			})
			client := roundtripper.Client(&http.Client{Transport: srv.Transport()}, slices.Concat([]roundtripper.Middleware{outer, fetch}, below)...)
			defer client.CloseIdleConnections()
			for i := range 3 {
				resp, err := client.Get(srv.URL)
				if err != nil {
					t.Fatal(err)
				}
				io.Copy(io.Discard, resp.Body)
				resp.Body.Close()
				e := <-ends
				if !kit {
					continue // nothing tells the two apart, but it must work
				}
				if e.RemoteAddr.String() != srv.Addr || e.Reused != (i > 0) || !e.Returned {
					t.Errorf("request %d: connection to %v, reused %v, returned %v; want %s, %v, true", i, e.RemoteAddr, e.Reused, e.Returned, srv.Addr, i > 0)
				}
			}
		})
	}
}

// TestLookupInsideADialIsNotTheExchange: a dialer that asks for the address over
// HTTP, through the same stack and under the dial's own context.
func TestLookupInsideADialIsNotTheExchange(t *testing.T) {
	for _, pooled := range []bool{false, true} {
		t.Run(fmt.Sprintf("pool=%v", pooled), func(t *testing.T) {
			srv := testserver.New(http.HandlerFunc(handler), testserver.Options{})
			defer srv.Close()
			names := testserver.New(http.HandlerFunc(handler), testserver.Options{})
			defer names.Close()
			var client *http.Client
			base := &http.Transport{DialContext: func(ctx context.Context, network, addr string) (net.Conn, error) {
				if addr == srv.Addr {
					req, _ := http.NewRequestWithContext(ctx, "GET", names.URL+"/", nil)
					resp, err := client.Do(req)
					if err != nil {
						return nil, err
					}
					resp.Body.Close()
				}
				return new(net.Dialer).DialContext(ctx, network, addr)
			}}
			observe, ends := collect()
			mw := []roundtripper.Middleware{observe, drain.New(patient).Middleware}
			if pooled {
				mw = append(mw, pool.New(pool.Options{MaxPerHost: 1}).Middleware)
			}
			client = roundtripper.Client(&http.Client{Transport: base}, mw...)
			defer client.CloseIdleConnections()
			for i := range 2 {
				resp, err := client.Get(srv.URL)
				if err != nil {
					t.Fatal(err)
				}
				resp.Body.Close()
				all := []roundtripper.Exchange{<-ends}
				if i == 0 {
					all = append(all, <-ends) // the lookup, which ends first
				}
				e := all[len(all)-1]
				if e.Host != srv.URL || e.RemoteAddr.String() != srv.Addr || e.Reused != (i > 0) || !e.Returned || e.ConnUses != i+1 {
					t.Errorf("request %d: %+v", i, e)
				}
			}
			if a, b := srv.Opened(), names.Opened(); a != 1 || b != 1 {
				t.Errorf("%d and %d connections, want 1 and 1", a, b)
			}
		})
	}
}

// TestHedgedAttemptsAreNotMixed: the response is of one attempt, and hooks may be called for
// the other.
func TestHedgedAttemptsAreNotMixed(t *testing.T) {
	srv := testserver.New(http.HandlerFunc(handler), testserver.Options{})
	defer srv.Close()
	outer, ends := collect()
	inner, below := collect()
	hedge := foreign(func(next http.RoundTripper, req *http.Request) (*http.Response, error) {
		ctx, cancel := context.WithCancel(req.Context())
		started, done := make(chan struct{}), make(chan struct{})
		go func() { // loses
			defer close(done)
			slow := req.Clone(httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{WroteRequest: func(httptrace.WroteRequestInfo) { close(started) }}))
			slow.Header.Set("X-Hang", "yes")
			if resp, err := next.RoundTrip(slow); err == nil {
				resp.Body.Close()
			}
		}()
		<-started
		resp, err := next.RoundTrip(req)
		cancel()
		<-done
		return resp, err
	})
	client := roundtripper.Client(&http.Client{Transport: srv.Transport()}, outer, hedge, inner, drain.New(patient).Middleware, pool.New(pool.Options{}).Middleware)
	defer client.CloseIdleConnections()
	resp, err := client.Get(srv.URL)
	if err != nil {
		t.Fatal(err)
	}
	io.Copy(io.Discard, resp.Body)
	resp.Body.Close()
	<-below
	<-below
	if e := <-ends; e.Outcome != "eof" || e.LostReason != "unknown" || e.Returned {
		t.Errorf("outcome %q, returned %v, lost for %q; want eof, false, unknown", e.Outcome, e.Returned, e.LostReason)
	}
}

// TestSmallerDrainBudgetWins, whichever side of foreign middleware it
// is on.
func TestSmallerDrainBudgetWins(t *testing.T) {
	srv := testserver.New(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", "20000")
		io.WriteString(w, strings.Repeat("x", 20000))
	}), testserver.Options{})
	defer srv.Close()
	small := drain.Options{Policy: drain.Fixed, MaxBytes: 10000, MaxTime: time.Minute}
	large := drain.Options{Policy: drain.Fixed, MaxBytes: 1 << 20, MaxTime: time.Minute}
	tests := []struct {
		above, below drain.Options
		drained      bool
	}{
		{large, large, true},
		{small, large, false},
		{large, small, false},
		{drain.Options{Policy: drain.Never}, large, false},
		{large, drain.Options{Policy: drain.Never}, false},
	}
	for i, tt := range tests {
		for name, between := range map[string]roundtripper.Middleware{"adjacent": nil, "apart": signs} {
			t.Run(fmt.Sprintf("%d/%s", i, name), func(t *testing.T) {
				outer, ends := collect()
				inner, below := collect()
				client := roundtripper.Client(&http.Client{Transport: srv.Transport()}, outer,
					drain.New(tt.above).Middleware, between, inner, drain.New(tt.below).Middleware, pool.New(pool.Options{}).Middleware)
				defer client.CloseIdleConnections()
				resp, err := client.Get(srv.URL)
				if err != nil {
					t.Fatal(err)
				}
				resp.Body.Close()
				for _, e := range []roundtripper.Exchange{<-ends, <-below} {
					if e.Returned != tt.drained {
						t.Errorf("returned %v after %d bytes (%s), want %v", e.Returned, e.BytesDrained, e.Outcome, tt.drained)
					}
					if !tt.drained && e.LostReason != "body_unread" {
						t.Errorf("lost for %q, want body_unread: the cancel was the kit's own", e.LostReason)
					}
				}
			})
		}
	}
}

// TestNestedStacks: an SDK's own kit stack below an application's, with and
// without foreign middleware between.
func TestNestedStacks(t *testing.T) {
	srv := testserver.New(http.HandlerFunc(handler), testserver.Options{})
	defer srv.Close()
	for _, apart := range []bool{false, true} {
		for _, sameProvider := range []bool{false, true} {
			t.Run(fmt.Sprintf("apart=%v/same provider=%v", apart, sameProvider), func(t *testing.T) {
				spans := tracetest.NewInMemoryExporter()
				app := sdktrace.NewTracerProvider(sdktrace.WithSyncer(spans))
				sdk := app
				if !sameProvider {
					sdk = sdktrace.NewTracerProvider(sdktrace.WithSyncer(spans))
				}
				ends, observed := collect()
				sdkPool, appPool := pool.New(pool.Options{MaxPerHost: 2}), pool.New(pool.Options{MaxPerHost: 1})
				inner := roundtripper.Wrap(srv.Transport(), trace.New(trace.Options{TracerProvider: sdk}).Middleware,
					drain.New(patient).Middleware, sdkPool.Middleware)
				if apart {
					inner = signs(inner)
				}
				client := roundtripper.Client(&http.Client{Transport: inner}, ends, trace.New(trace.Options{TracerProvider: app}).Middleware,
					drain.New(patient).Middleware, appPool.Middleware)
				defer client.CloseIdleConnections()
				for range 3 {
					resp, err := client.Get(srv.URL)
					if err != nil {
						t.Fatal(err)
					}
					if a, b := appPool.Stats().InUse, sdkPool.Stats().InUse; a != 1 || b != 1 {
						t.Errorf("%d and %d slots in use, want both pools to count", a, b)
					}
					resp.Body.Close()
					<-observed
				}
				want := 3
				if !sameProvider {
					want = 6
				}
				got := spans.GetSpans()
				if len(got) != want {
					t.Errorf("%d spans, want %d", len(got), want)
				}
				reasons := 0
				for _, sp := range got {
					for _, a := range sp.Attributes {
						if a.Key == "warmconn.new_reason" {
							reasons++
						}
					}
				}
				if reasons != want/3 {
					t.Errorf("%d spans say why a connection was new, want %d", reasons, want/3)
				}
			})
		}
	}
}

// TestCulpritIsTheSpanAbove: trace stands above foreign middleware, and the ledger with the
// loss below.
func TestCulpritIsTheSpanAbove(t *testing.T) {
	srv := testserver.New(http.HandlerFunc(handler), testserver.Options{})
	defer srv.Close()
	spans := tracetest.NewInMemoryExporter()
	ends, observed := collect()
	client := roundtripper.Client(&http.Client{Transport: srv.Transport()}, ends,
		trace.New(trace.Options{TracerProvider: sdktrace.NewTracerProvider(sdktrace.WithSyncer(spans))}).Middleware,
		signs, drain.New(patient).Middleware, pool.New(pool.Options{}).Middleware)
	defer client.CloseIdleConnections()
	for _, path := range []string{"/big", "/"} {
		resp, err := client.Get(srv.URL + path)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		<-observed
	}
	got := spans.GetSpans()
	if len(got) != 2 || len(got[1].Links) != 1 || got[1].Links[0].SpanContext.SpanID() != got[0].SpanContext.SpanID() {
		t.Errorf("the second span has no link to the first: %+v", got)
	}
}

// TestRetriersAttemptIsNotAStaleConnection: above a retrier on the bare transport, a new attempt
// looks as if net/http had found a dead connection and dialed again.
func TestRetriersAttemptIsNotAStaleConnection(t *testing.T) {
	srv := testserver.New(http.HandlerFunc(handler), testserver.Options{})
	defer srv.Close()
	outer, ends := collect()
	twice := foreign(func(next http.RoundTripper, req *http.Request) (*http.Response, error) {
		resp, err := next.RoundTrip(req)
		if err != nil || req.URL.Path != "/big" {
			return resp, err
		}
		resp.Body.Close() // unread: net/http closes the connection
		return next.RoundTrip(req)
	})
	client := roundtripper.Client(&http.Client{Transport: srv.Transport()}, outer, twice)
	defer client.CloseIdleConnections()
	for _, path := range []string{"/", "/big"} {
		resp, err := client.Get(srv.URL + path)
		if err != nil {
			t.Fatal(err)
		}
		io.Copy(io.Discard, resp.Body)
		resp.Body.Close()
		if e := <-ends; e.NewReason == "server_closed_idle" {
			t.Errorf("%s: new for %q, and the server closed nothing", path, e.NewReason)
		}
	}
}

// TestContextOfTheResponseIsNotTheExchange: a middleware has cloned the request with the kit's
// context, and the caller makes the next request with the clone's, while the body is open.
func TestContextOfTheResponseIsNotTheExchange(t *testing.T) {
	srv := testserver.New(http.HandlerFunc(handler), testserver.Options{})
	defer srv.Close()
	other := testserver.New(http.HandlerFunc(handler), testserver.Options{})
	defer other.Close()
	outer, ends := collect()
	client := roundtripper.Client(&http.Client{Transport: srv.Transport()}, outer, signs)
	defer client.CloseIdleConnections()
	resp, err := client.Get(srv.URL)
	if err != nil {
		t.Fatal(err)
	}
	req, err := http.NewRequestWithContext(resp.Request.Context(), "GET", other.URL, nil)
	if err != nil {
		t.Fatal(err)
	}
	second, err := other.Transport().RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	second.Body.Close()
	io.Copy(io.Discard, resp.Body)
	resp.Body.Close()
	if e := <-ends; e.RemoteAddr.String() != srv.Addr || e.ConnUses != 1 {
		t.Errorf("use %d of a connection to %v, want the first to %s", e.ConnUses, e.RemoteAddr, srv.Addr)
	}
}
