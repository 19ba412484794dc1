package roundtripper_test

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"reflect"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/warmconn/warmconn/drain"
	"github.com/warmconn/warmconn/internal/eventually"
	"github.com/warmconn/warmconn/internal/fullsize"
	"github.com/warmconn/warmconn/internal/testserver"
	"github.com/warmconn/warmconn/pool"
	"github.com/warmconn/warmconn/roundtripper"
	"github.com/warmconn/warmconn/trace"
)

// stacks are the kit's layers, alone and in every order.
func stacks() map[string][]roundtripper.Middleware {
	layers := map[string]func() roundtripper.Middleware{
		"trace":   func() roundtripper.Middleware { return trace.New(trace.Options{}).Middleware },
		"drain":   func() roundtripper.Middleware { return drain.New(drain.Options{}).Middleware },
		"pool":    func() roundtripper.Middleware { return pool.New(pool.Options{MaxPerHost: 100}).Middleware },
		"observe": func() roundtripper.Middleware { return roundtripper.Observe(roundtripper.Observer{}) },
	}
	out := make(map[string][]roundtripper.Middleware)
	for name, mw := range layers {
		out[name] = []roundtripper.Middleware{mw()}
	}
	var permute func(done []string, rest []string)
	permute = func(done, rest []string) {
		if len(rest) == 0 {
			var mw []roundtripper.Middleware
			for _, name := range done {
				mw = append(mw, layers[name]())
			}
			out[strings.Join(done, ",")] = mw
		}
		for i, name := range rest {
			others := append(append([]string(nil), rest[:i]...), rest[i+1:]...)
			permute(append(append([]string(nil), done...), name), others)
		}
	}
	permute(nil, []string{"trace", "drain", "pool", "observe"})
	return out
}

func eachStack(t *testing.T, f func(t *testing.T, mw []roundtripper.Middleware)) {
	for name, mw := range stacks() {
		t.Run(name, func(t *testing.T) { f(t, mw) })
	}
}

// base is a scripted transport that remembers its requests.
type base struct {
	response func(*http.Request) (*http.Response, error)
	idle     atomic.Int32
}

func (b *base) RoundTrip(req *http.Request) (*http.Response, error) {
	if req.Body != nil {
		io.Copy(io.Discard, req.Body)
		req.Body.Close()
	}
	return b.response(req)
}

func (b *base) CloseIdleConnections() { b.idle.Add(1) }

func respond(status int, body io.ReadCloser) func(*http.Request) (*http.Response, error) {
	return func(req *http.Request) (*http.Response, error) {
		return &http.Response{StatusCode: status, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
			Header: http.Header{}, Body: body, ContentLength: -1, TransferEncoding: []string{"chunked"}, Request: req}, nil
	}
}

// tracked counts a body's calls.
type tracked struct {
	io.Reader
	reads, closes atomic.Int32
}

func (b *tracked) Read(p []byte) (int, error) { b.reads.Add(1); return b.Reader.Read(p) }
func (b *tracked) Close() error               { b.closes.Add(1); return nil }

func TestRequestIsLeftAlone(t *testing.T) {
	eachStack(t, func(t *testing.T, mw []roundtripper.Middleware) {
		b := &base{response: respond(200, &tracked{Reader: strings.NewReader("x")})}
		rt := roundtripper.Wrap(b, mw...)
		req, _ := http.NewRequest("POST", "http://host.example/p?q=1", strings.NewReader("body"))
		req.Header["X-Values"] = []string{"a", "b"}
		before, header, u := *req, req.Header.Clone(), *req.URL
		resp, err := rt.RoundTrip(req)
		if err != nil {
			t.Fatal(err)
		}
		if resp.Request != req {
			t.Error("resp.Request is not the request that was made")
		}
		resp.Body.Close()
		if !reflect.DeepEqual(req.Header, header) || *req.URL != u || req.Body != before.Body || req.Context() != before.Context() {
			t.Error("the request was changed")
		}
		if err := resp.Request.Context().Err(); err != nil {
			t.Errorf("the request's context ended with the exchange: %v", err)
		}
	})
}

func TestBodyIsClosedOnce(t *testing.T) {
	eachStack(t, func(t *testing.T, mw []roundtripper.Middleware) {
		body := &tracked{Reader: strings.NewReader("hello")}
		rt := roundtripper.Wrap(&base{response: respond(200, body)}, mw...)
		req, _ := http.NewRequest("GET", "http://host.example/", nil)
		resp, err := rt.RoundTrip(req)
		if err != nil {
			t.Fatal(err)
		}
		for range 3 {
			if err := resp.Body.Close(); err != nil {
				t.Error(err)
			}
		}
		if n := body.closes.Load(); n != 1 {
			t.Errorf("the base's body was closed %d times, want 1", n)
		}
		if _, err := resp.Body.Read(make([]byte, 1)); err == nil || err == io.EOF {
			t.Errorf("Read after Close returned %v, want an error", err)
		}
	})
}

func TestChainIsHonest(t *testing.T) {
	eachStack(t, func(t *testing.T, mw []roundtripper.Middleware) {
		b := &base{response: respond(204, http.NoBody)}
		rt := roundtripper.Wrap(b, mw...)
		if got, ok := roundtripper.As[*base](rt); !ok || got != b {
			t.Error("As does not find the base")
		}
		bottom := rt
		for next := roundtripper.Unwrap(bottom); next != nil; next = roundtripper.Unwrap(next) {
			if w, ok := bottom.(interface{ WrappedRoundTripper() http.RoundTripper }); !ok || w.WrappedRoundTripper() != next {
				t.Errorf("%T does not say what it wraps under Kubernetes' name", bottom)
			}
			bottom = next
		}
		if bottom != http.RoundTripper(b) {
			t.Errorf("Unwrap ends at %T", bottom)
		}
		(&http.Client{Transport: rt}).CloseIdleConnections()
		if n := b.idle.Load(); n != 1 {
			t.Errorf("CloseIdleConnections reached the base %d times, want 1", n)
		}
		if d := roundtripper.Describe(rt); strings.Count(d, "\n") != len(mw)+1 {
			t.Errorf("Describe has not one line for each layer:\n%s", d)
		}
	})
}

func TestUpgradedBodyIsTheTransportsOwn(t *testing.T) {
	srv := testserver.New(http.HandlerFunc(handler), testserver.Options{})
	defer srv.Close()
	eachStack(t, func(t *testing.T, mw []roundtripper.Middleware) {
		client := roundtripper.Client(&http.Client{Transport: &http.Transport{}}, mw...)
		ctx, cancel := context.WithCancel(t.Context())
		req, _ := http.NewRequestWithContext(ctx, "GET", srv.URL+"/upgrade", nil)
		req.Header.Set("Connection", "Upgrade")
		req.Header.Set("Upgrade", "echo")
		resp, err := client.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		rw, ok := resp.Body.(io.ReadWriteCloser)
		if !ok {
			t.Fatalf("%T can't be written to", resp.Body)
		}
		defer rw.Close()
		cancel() // the tunnel outlives the request
		for i := range 3 {
			fmt.Fprintf(rw, "line %d\n", i)
			if line, err := bufio.NewReader(rw).ReadString('\n'); line != fmt.Sprintf("line %d\n", i) || err != nil {
				t.Fatalf("tunnel returned %q, %v", line, err)
			}
		}
	})
}

// TestUploadOutlivesTheResponse: the end of the response must not cancel the
// request while it is still written.
func TestUploadOutlivesTheResponse(t *testing.T) {
	for _, o := range []testserver.Options{{}, {HTTP2: true}} {
		t.Run(fmt.Sprintf("http2=%v", o.HTTP2), func(t *testing.T) {
			got := make(chan string, 100)
			srv := testserver.New(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				http.NewResponseController(w).EnableFullDuplex()
				w.Header().Set("Content-Length", "2")
				io.WriteString(w, "ok")
				w.(http.Flusher).Flush()
				data, err := io.ReadAll(r.Body)
				got <- fmt.Sprint(len(data), err)
			}), o)
			defer srv.Close()
			upload := func(t *testing.T, mw []roundtripper.Middleware) (answer, sent string) {
				tr := srv.Transport()
				defer tr.CloseIdleConnections()
				client := roundtripper.Client(&http.Client{Transport: tr}, mw...)
				defer client.CloseIdleConnections()
				pr, pw := io.Pipe()
				resp, err := client.Post(srv.URL, "text/plain", pr)
				if err != nil {
					t.Fatal(err)
				}
				read := make(chan string)
				go func() {
					data, err := io.ReadAll(resp.Body)
					read <- fmt.Sprint(string(data), err)
				}()
				pw.Write(bytes.Repeat([]byte("x"), 1000))
				pw.Close()
				answer = <-read
				select {
				case sent = <-got:
				case <-time.After(5 * time.Second):
					t.Fatal("the upload did not arrive")
				}
				resp.Body.Close()
				return answer, sent
			}
			// At the end of an HTTP/1 response net/http gives the request 50 ms to be written, which
			// may be too little on a busy machine; over HTTP/2 the stream ends later. A layer that
			// cancels the request does so each time.
			uploads := func(t *testing.T, mw []roundtripper.Middleware) {
				var answer, sent string
				for range 5 {
					if answer, sent = upload(t, mw); answer == "ok<nil>" && sent == "1000 <nil>" {
						return
					}
				}
				t.Errorf("response %s, want ok and no error; the server read %s, want 1000 bytes and no error", answer, sent)
			}
			eachStack(t, uploads)
			t.Run("below middleware", func(t *testing.T) {
				eachStack(t, func(t *testing.T, mw []roundtripper.Middleware) {
					uploads(t, append(append([]roundtripper.Middleware{}, mw...), passes))
				})
			})
		})
	}
}

func TestConcurrentReadAndClose(t *testing.T) {
	srv := testserver.New(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		io.WriteString(w, strings.Repeat("x", 100<<10))
		w.(http.Flusher).Flush()
		if r.URL.Path == "/hang" {
			<-r.Context().Done()
		}
	}), testserver.Options{})
	defer srv.Close()
	p := pool.New(pool.Options{})
	var ends atomic.Int32
	client := roundtripper.Client(&http.Client{Transport: &http.Transport{}},
		roundtripper.Observe(roundtripper.Observer{End: func(context.Context, roundtripper.Exchange) { ends.Add(1) }}),
		drain.New(drain.Options{MaxTime: 5 * time.Millisecond}).Middleware, p.Middleware)
	defer client.CloseIdleConnections()
	const n = 200
	var wg sync.WaitGroup
	limit := make(chan struct{}, 20)
	for i := range n {
		wg.Go(func() {
			limit <- struct{}{}
			defer func() { <-limit }()
			path := "/"
			if i%2 == 0 {
				path = "/hang"
			}
			resp, err := client.Get(srv.URL + path)
			if err != nil {
				t.Error(err)
				return
			}
			var inner sync.WaitGroup
			for range 2 {
				inner.Go(func() { io.Copy(io.Discard, resp.Body) })
				inner.Go(func() { resp.Body.Close() })
			}
			inner.Wait()
		})
	}
	wg.Wait()
	if got := ends.Load(); got != n {
		t.Errorf("%d ends of %d exchanges", got, n)
	}
	if s := p.Stats(); s.InUse != 0 {
		t.Errorf("%d slots in use at the end, want 0", s.InUse)
	}
}

func TestClientIsACopy(t *testing.T) {
	c := &http.Client{Timeout: time.Second}
	wrapped := roundtripper.Client(c, roundtripper.Observe(roundtripper.Observer{}))
	if c.Transport != nil || wrapped == c || wrapped.Timeout != time.Second || wrapped.Transport == nil {
		t.Error("Client has changed the given client, or lost its settings")
	}
	if roundtripper.Client(nil).Transport == nil {
		t.Error("a nil client has no transport")
	}
}

func TestChainOrder(t *testing.T) {
	var order []string
	layer := func(name string) roundtripper.Middleware {
		return func(next http.RoundTripper) http.RoundTripper {
			return roundtripper.Layer(next, func(req *http.Request) (*http.Response, error) {
				order = append(order, name)
				return next.RoundTrip(req)
			})
		}
	}
	b := &base{response: respond(204, http.NoBody)}
	rt := roundtripper.Wrap(b, layer("a"), nil, roundtripper.Chain(layer("b"), layer("c")))
	req, _ := http.NewRequest("GET", "http://host.example/", nil)
	if _, err := rt.RoundTrip(req); err != nil {
		t.Fatal(err)
	}
	if got := strings.Join(order, ""); got != "abc" {
		t.Errorf("layers ran in the order %s, want abc", got)
	}
}

func TestFacade(t *testing.T) {
	for _, o := range []testserver.Options{{}, {TLS: true}, {HTTP2: true}} {
		t.Run(fmt.Sprintf("%+v", o), func(t *testing.T) {
			srv := testserver.New(http.HandlerFunc(handler), o)
			defer srv.Close()
			var ends atomic.Int32
			stack := roundtripper.Wrap(srv.Transport(),
				roundtripper.Observe(roundtripper.Observer{End: func(_ context.Context, e roundtripper.Exchange) { ends.Add(1) }}),
				pool.New(pool.Options{}).Middleware)
			facade := roundtripper.Facade(stack)
			if roundtripper.Unwrap(facade) != stack {
				t.Error("Unwrap does not see through the facade")
			}
			inner, ok := roundtripper.As[*http.Transport](facade)
			if !ok || inner == facade {
				t.Error("As finds the facade, not the transport behind it")
			}
			client := &http.Client{Transport: facade}
			resp, err := client.Get(srv.URL)
			if err != nil {
				t.Fatal(err)
			}
			io.Copy(io.Discard, resp.Body)
			resp.Body.Close()
			if ends.Load() != 1 {
				t.Errorf("%d exchanges seen through the facade, want 1", ends.Load())
			}
			if want := 1 + map[bool]int{true: 1}[o.HTTP2]; resp.ProtoMajor != want {
				t.Errorf("HTTP/%d, want HTTP/%d", resp.ProtoMajor, want)
			}
			for i := 0; srv.Open() > 0; i++ {
				// More than once: an HTTP/2 stream may not have ended yet.
				client.CloseIdleConnections()
				if i > 5000 {
					t.Fatal("CloseIdleConnections does not get through the facade")
				}
				time.Sleep(time.Millisecond)
			}
			if _, err := (&http.Client{Transport: facade.Clone()}).Get(srv.URL); err == nil || !strings.Contains(err.Error(), "Clone") {
				t.Errorf("a clone of the facade: %v, want an error that says so", err)
			}
			// Pool must not clone it away.
			again := pool.New(pool.Options{}).Middleware(facade)
			if got := roundtripper.Unwrap(again); got != http.RoundTripper(facade) {
				t.Errorf("pool replaced the facade by %T", got)
			}
		})
	}
}

func TestUnwrapLeavesTransportsAlone(t *testing.T) {
	tr := &http.Transport{}
	if roundtripper.Unwrap(tr) != nil {
		t.Error("a plain transport has nothing below it")
	}
	tr.ForceAttemptHTTP2 = true
	if tr.TLSClientConfig != nil {
		t.Error("looking at a transport has set it up")
	}
}

func TestExchangeOf(t *testing.T) {
	srv := testserver.New(http.HandlerFunc(handler), testserver.Options{})
	defer srv.Close()
	for _, timeout := range []time.Duration{0, time.Minute} {
		client := roundtripper.Client(&http.Client{Timeout: timeout, Transport: &http.Transport{}}, roundtripper.Observe(roundtripper.Observer{}))
		defer client.CloseIdleConnections()
		resp, err := client.Get(srv.URL)
		if err != nil {
			t.Fatal(err)
		}
		e, ok := roundtripper.ExchangeOf(resp)
		if !ok || e.NewReason != roundtripper.ReasonFirst || e.StatusCode != 200 || e.ConnID != 1 || e.Outcome != "" {
			t.Errorf("with a timeout of %v: %+v, %v", timeout, e, ok)
		}
		resp.Body.Close()
	}
	if _, ok := roundtripper.ExchangeOf(&http.Response{Body: io.NopCloser(strings.NewReader(""))}); ok {
		t.Error("a response without an exchange has one")
	}
}

func TestDescribe(t *testing.T) {
	p := pool.New(pool.Options{MaxPerHost: 8})
	watched := roundtripper.Wrap(&http.Transport{}, trace.New(trace.Options{}).Middleware, drain.New(drain.Options{}).Middleware, p.Middleware)
	const want = `trace: one client span for each exchange
drain: on Close, as far as a new connection is worth, at most 64 MiB and 500ms
pool: at most 8 in flight per host; owns the connections, made by a private clone of the transport; learns for how long servers keep idle ones, and condemns those on dead paths; the transport's own CloseIdleConnections closes none, the Pool's does, and takes a replaced TLSClientConfig over
*http.Transport
`
	if got := roundtripper.Describe(watched); got != want {
		t.Errorf("got\n%swant\n%s", got, want)
	}
	counted := roundtripper.Wrap(&base{}, trace.New(trace.Options{}).Middleware, p.Middleware)
	const whyNot = `trace: one client span for each exchange
pool: at most 8 in flight per host; only counts requests: it stands on a *roundtripper_test.base, which is no *http.Transport; if that wraps one, wrap what it wraps
*roundtripper_test.base
`
	if got := roundtripper.Describe(counted); got != whyNot {
		t.Errorf("over a base that can't be owned: got\n%swant\n%s", got, whyNot)
	}
}

type ctxKey struct{}

// patient drains to the end of the body, for tests of other things than the drain: the
// adaptive budget on loopback is a millisecond, and the machine may be busy.
var patient = drain.Options{Policy: drain.Fixed, MaxTime: time.Minute}

// TestLayersOnBothSidesOfForeignMiddleware: each side has a record of its own,
// and each does its work.
func TestLayersOnBothSidesOfForeignMiddleware(t *testing.T) {
	srv := testserver.New(http.HandlerFunc(handler), testserver.Options{})
	defer srv.Close()
	opaque := func(f func(next http.RoundTripper, req *http.Request) (*http.Response, error)) roundtripper.Middleware {
		return func(next http.RoundTripper) http.RoundTripper {
			return roundtripper.Func(func(req *http.Request) (*http.Response, error) { return f(next, req) })
		}
	}
	tests := []struct {
		name  string
		mw    roundtripper.Middleware
		inner int // exchanges that the inner layers see
	}{
		{"passes on", opaque(func(next http.RoundTripper, req *http.Request) (*http.Response, error) {
			return next.RoundTrip(req)
		}), 1},
		{"replaces the body", opaque(func(next http.RoundTripper, req *http.Request) (*http.Response, error) {
			resp, err := next.RoundTrip(req)
			if err == nil {
				resp.Body = struct {
					io.Reader
					io.Closer
				}{resp.Body, resp.Body}
			}
			return resp, err
		}), 1},
		{"derives the context", opaque(func(next http.RoundTripper, req *http.Request) (*http.Response, error) {
			return next.RoundTrip(req.Clone(context.WithValue(req.Context(), ctxKey{}, 1)))
		}), 1},
		{"fetches a token first", opaque(func(next http.RoundTripper, req *http.Request) (*http.Response, error) {
			token := req.Clone(req.Context())
			token.URL = &url.URL{Scheme: req.URL.Scheme, Host: req.URL.Host, Path: "/token"}
			resp, err := next.RoundTrip(token)
			if err != nil {
				return nil, err
			}
			io.Copy(io.Discard, resp.Body)
			resp.Body.Close()
			return next.RoundTrip(req)
		}), 2},
		{"retries", opaque(func(next http.RoundTripper, req *http.Request) (*http.Response, error) {
			for range 2 {
				resp, err := next.RoundTrip(req)
				if err != nil {
					return nil, err
				}
				io.Copy(io.Discard, resp.Body)
				resp.Body.Close()
			}
			return next.RoundTrip(req)
		}), 3},
	}
	lost := 0
	for _, drainAbove := range []bool{false, true} {
		for _, tt := range tests {
			t.Run(fmt.Sprintf("drain above=%v/%s", drainAbove, tt.name), func(t *testing.T) {
				var outer, inner []roundtripper.Exchange
				p := pool.New(pool.Options{MaxPerHost: 1}) // on both sides, and waits for itself on neither
				above := drain.New(patient).Middleware
				below := above
				if drainAbove {
					below = nil
				} else {
					above = nil
				}
				client := roundtripper.Client(&http.Client{Transport: &http.Transport{}},
					roundtripper.Observe(roundtripper.Observer{End: func(_ context.Context, e roundtripper.Exchange) { outer = append(outer, e) }}),
					p.Middleware, above, tt.mw,
					roundtripper.Observe(roundtripper.Observer{End: func(_ context.Context, e roundtripper.Exchange) { inner = append(inner, e) }}),
					below, p.Middleware)
				for range 3 {
					outer, inner = nil, nil
					resp, err := client.Get(srv.URL)
					if err != nil {
						t.Fatal(err)
					}
					resp.Body.Close()
					if err := resp.Request.Context().Err(); err != nil {
						t.Errorf("resp.Request has a context that ended: %v", err)
					}
					if len(outer) != 1 || len(inner) != tt.inner {
						t.Fatalf("%d outer and %d inner exchanges, want 1 and %d", len(outer), len(inner), tt.inner)
					}
					lost += unkept(inner...)
					for _, e := range append(outer, inner...) {
						if unkept(e) > 0 {
							continue
						}
						if !e.Returned || e.LostReason != "" || e.Outcome == "" {
							t.Errorf("an exchange lost its connection for %q (%s)", e.LostReason, e.Outcome)
						}
					}
				}
				if s := p.Stats(); s.InUse != 0 {
					t.Errorf("%d slots in use, want 0", s.InUse)
				}
			})
		}
	}
	if n := srv.Opened(); n < 2*len(tests) || n > 2*len(tests)+lost {
		t.Errorf("%d connections for %d clients, and %d in the place of lost ones; want one each", n, 2*len(tests), lost)
	}
}

// TestDroppedBodiesAboveForeignMiddleware: the collector finds a body that is inside of
// another one, and every layer hears of it.
func TestDroppedBodiesAboveForeignMiddleware(t *testing.T) {
	srv := testserver.New(http.HandlerFunc(handler), testserver.Options{})
	defer srv.Close()
	wrapBody := func(next http.RoundTripper) http.RoundTripper {
		return roundtripper.Func(func(req *http.Request) (*http.Response, error) {
			resp, err := next.RoundTrip(req)
			if err == nil {
				resp.Body = struct {
					io.Reader
					io.Closer
				}{bufio.NewReader(resp.Body), resp.Body}
			}
			return resp, err
		})
	}
	var outer, leaks atomic.Int32
	p := pool.New(pool.Options{OnLeak: func(pool.Leak) { leaks.Add(1) }})
	client := roundtripper.Client(&http.Client{Transport: &http.Transport{}},
		roundtripper.Observe(roundtripper.Observer{End: func(_ context.Context, e roundtripper.Exchange) {
			if e.Leaked && e.Outcome == roundtripper.OutcomeLeaked && e.Duration > 0 {
				outer.Add(1)
			}
		}}),
		wrapBody, drain.New(drain.Options{}).Middleware, wrapBody, p.Middleware)
	const n = 50
	for range n {
		if _, err := client.Get(srv.URL); err != nil {
			t.Fatal(err)
		}
	}
	for range 5000 {
		runtime.GC()
		if outer.Load() == n && leaks.Load() == n {
			break
		}
		time.Sleep(time.Millisecond)
	}
	if outer.Load() != n || leaks.Load() != n {
		t.Errorf("%d leaks seen above and %d by the pool, want %d each", outer.Load(), leaks.Load(), n)
	}
	if s := p.Stats(); s.InUse != 0 {
		t.Errorf("%d slots in use, want 0", s.InUse)
	}
}

// TestCloseOfABaseThatIgnoresItsContext: a stub's body may be a pipe, which
// only Close ends.
func TestCloseOfABaseThatIgnoresItsContext(t *testing.T) {
	eachStack(t, func(t *testing.T, mw []roundtripper.Middleware) {
		for _, reading := range []bool{false, true} {
			pr, _ := io.Pipe()
			rt := roundtripper.Wrap(roundtripper.Func(respond(200, pr)), mw...)
			req, _ := http.NewRequest("GET", "http://host.example/", nil)
			resp, err := rt.RoundTrip(req)
			if err != nil {
				t.Fatal(err)
			}
			if reading {
				started := make(chan struct{})
				go func() {
					close(started)
					resp.Body.Read(make([]byte, 1))
				}()
				<-started
			}
			closed := make(chan struct{})
			go func() {
				resp.Body.Close()
				close(closed)
			}()
			select {
			case <-closed:
			case <-time.After(5 * time.Second):
				t.Fatalf("Close hangs (a Read under it: %v)", reading)
			}
		}
	})
}

// TestNoContextIsLeftBehind: a context that lives long must not gather a child
// for each request.
func TestNoContextIsLeftBehind(t *testing.T) {
	pass := func(next http.RoundTripper) http.RoundTripper {
		return roundtripper.Layer(next, func(req *http.Request) (*http.Response, error) { return next.RoundTrip(req) })
	}
	for _, post := range []bool{false, true} {
		parent, cancel := context.WithCancel(t.Context())
		b := &base{response: respond(204, http.NoBody)}
		rt := roundtripper.Wrap(b, roundtripper.Observe(roundtripper.Observer{}), pass, drain.New(drain.Options{}).Middleware)
		heap := func() uint64 {
			runtime.GC()
			runtime.GC()
			var m runtime.MemStats
			runtime.ReadMemStats(&m)
			return m.HeapAlloc
		}
		before := heap()
		n := uint64(fullsize.Of(20_000, 5000))
		for range n {
			req, _ := http.NewRequestWithContext(parent, "GET", "http://host.example/", nil)
			if post {
				req, _ = http.NewRequestWithContext(parent, "POST", "http://host.example/", strings.NewReader("x"))
			}
			if _, err := rt.RoundTrip(req); err != nil {
				t.Fatal(err)
			}
		}
		most := before + 20*n + 128<<10 // what the kit keeps for all; a context takes more than 100 bytes of each request
		// Contexts of uploads are untied by clean-ups, which come after a collection.
		eventually.True(t, fmt.Sprintf("the contexts of %d requests to be gone, post %v", n, post), func() bool { return heap() <= most })
		cancel()
	}
}

// TestRequestMayBeChangedOnceRoundTripHasFailed: a retrier does so, while
// net/http's dial of the first attempt has yet to begin.
func TestRequestMayBeChangedOnceRoundTripHasFailed(t *testing.T) {
	srv := testserver.New(http.HandlerFunc(handler), testserver.Options{})
	defer srv.Close()
	for range 20 {
		client := roundtripper.Client(&http.Client{Transport: &http.Transport{}}, drain.New(drain.Options{}).Middleware, pool.New(pool.Options{}).Middleware)
		for i := range 20 {
			ctx, cancel := context.WithTimeout(t.Context(), time.Duration(i)*10*time.Microsecond)
			req, _ := http.NewRequestWithContext(ctx, "GET", srv.URL, nil)
			req.Header.Set("X-Attempt", "1")
			resp, err := client.Transport.RoundTrip(req)
			if err == nil {
				resp.Body.Close()
			}
			req.Header.Set("X-Attempt", "2")
			req.Method = "POST"
			cancel()
		}
		client.CloseIdleConnections()
	}
}

// TestLeakAboveForeignMiddlewareKeepsItsConnection: the side next to the
// transport drains it; the other side's end must not come in between.
func TestLeakAboveForeignMiddlewareKeepsItsConnection(t *testing.T) {
	srv := testserver.New(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		// All of it is in net/http's buffer with the header: the drain of a dropped body has 50 ms, and
		// the test's own collections leave a read of the socket few turns.
		io.WriteString(w, strings.Repeat("x", 1<<10))
	}), testserver.Options{})
	defer srv.Close()
	pass := func(next http.RoundTripper) http.RoundTripper {
		return roundtripper.Layer(next, func(req *http.Request) (*http.Response, error) { return next.RoundTrip(req) })
	}
	ends := make(chan roundtripper.Exchange, 100)
	client := roundtripper.Client(&http.Client{Transport: &http.Transport{}},
		roundtripper.Observe(roundtripper.Observer{}), pass,
		roundtripper.Observe(roundtripper.Observer{End: func(_ context.Context, e roundtripper.Exchange) { ends <- e }}),
		pool.New(pool.Options{}).Middleware)
	defer client.CloseIdleConnections()
	const n = 20
	busy := 0
	for range n {
		if _, err := client.Get(srv.URL); err != nil {
			t.Fatal(err)
		}
		eventually.Collected(t, "the leak", func() bool { return len(ends) > 0 })
		e := <-ends
		busy += unkept(e)
		if !e.Leaked || !e.Returned && unkept(e) == 0 {
			t.Errorf("leaked %v, returned %v, lost for %q; want true, true and none", e.Leaked, e.Returned, e.LostReason)
		}
	}
	if got := srv.Opened(); got < 1 || got > 1+busy {
		t.Errorf("%d connections for %d leaks, of which %d were not kept; want 1", got, n, busy)
	}
}
