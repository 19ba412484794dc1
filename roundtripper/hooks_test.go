package roundtripper_test

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"reflect"
	"runtime"
	"strings"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/warmconn/warmconn/drain"
	"github.com/warmconn/warmconn/internal/fullsize"
	"github.com/warmconn/warmconn/pool"
	"github.com/warmconn/warmconn/roundtripper"
	"github.com/warmconn/warmconn/trace"
)

// hooked is a stack over a base that calls httptrace's hooks when the test tells it to:
// net/http calls some of them after the exchange has ended.
type hooked struct {
	rt    http.RoundTripper
	pool  *pool.Pool
	spans spans
	conn  net.Conn

	// The base's RoundTrip.
	base func(*http.Request, *httptrace.ClientTrace) (*http.Response, error)

	mu   sync.Mutex
	ends []roundtripper.Exchange
}

func newHooked() *hooked {
	h := &hooked{pool: pool.New(pool.Options{MaxPerHost: 1})}
	h.conn, _ = net.Pipe()
	h.rt = roundtripper.Wrap(roundtripper.Func(func(req *http.Request) (*http.Response, error) {
		return h.base(req, httptrace.ContextClientTrace(req.Context()))
	}), trace.New(trace.Options{TracerProvider: &h.spans}).Middleware,
		roundtripper.Observe(roundtripper.Observer{End: func(_ context.Context, e roundtripper.Exchange) {
			h.mu.Lock()
			defer h.mu.Unlock()
			h.ends = append(h.ends, e)
		}}),
		drain.New(patient).Middleware, h.pool.Middleware)
	return h
}

// hooks are httptrace's, in the order in which net/http calls them for a
// connection that is dialed and put back.
var hooks = []struct {
	name string
	call func(*hooked, *httptrace.ClientTrace)
}{
	{"GetConn", func(_ *hooked, c *httptrace.ClientTrace) { c.GetConn("host.example:443") }},
	{"GotConn", func(h *hooked, c *httptrace.ClientTrace) { c.GotConn(httptrace.GotConnInfo{Conn: h.conn}) }},
	{"WroteRequest", func(_ *hooked, c *httptrace.ClientTrace) {
		if c.WroteRequest != nil {
			c.WroteRequest(httptrace.WroteRequestInfo{})
		}
	}},
	{"PutIdleConn", func(_ *hooked, c *httptrace.ClientTrace) { c.PutIdleConn(nil) }},
	{"PutIdleConn refused", func(_ *hooked, c *httptrace.ClientTrace) {
		c.PutIdleConn(errors.New("http: putIdleConn: too many idle connections for host"))
	}},
}

// dialEnds calls the hooks that net/http calls on the goroutine of a dial. The request may be
// served by another connection, and end, long before.
func dialEnds(c *httptrace.ClientTrace) {
	if c.DNSStart != nil {
		c.DNSStart(httptrace.DNSStartInfo{Host: "host.example"})
		c.DNSDone(httptrace.DNSDoneInfo{})
	}
	if c.ConnectStart != nil {
		c.ConnectStart("tcp", "192.0.2.1:443")
		c.ConnectDone("tcp", "192.0.2.1:443", nil)
	}
	if c.TLSHandshakeStart != nil {
		c.TLSHandshakeStart()
		c.TLSHandshakeDone(tls.ConnectionState{}, nil)
	}
}

// endings are the ways in which an exchange can end.
var endings = map[string]func(cancel func(), resp *http.Response){
	"eof":      func(_ func(), resp *http.Response) { io.Copy(io.Discard, resp.Body) },
	"closed":   func(_ func(), resp *http.Response) { resp.Body.Close() },
	"canceled": func(cancel func(), resp *http.Response) { cancel(); resp.Body.Close() },
	"failed":   nil, // in RoundTrip
}

// permute calls f with each order of n things.
func permute(n int, f func([]int)) {
	order := make([]int, 0, n)
	used := make([]bool, n)
	var next func()
	next = func() {
		if len(order) == n {
			f(order)
			return
		}
		for i := range n {
			if !used[i] {
				used[i] = true
				order = append(order, i)
				next()
				order, used[i] = order[:len(order)-1], false
			}
		}
	}
	next()
}

// TestLateHooksChangeNothing: a dial race ends when its request was served by
// another connection; Go 1.27 puts a connection back when Close has returned.
// Hooks that are called after the end of an exchange, in any order, change
// neither its Exchange, nor its span, nor the counters.
func TestLateHooksChangeNothing(t *testing.T) {
	for name, end := range endings {
		t.Run(name, func(t *testing.T) {
			n, each := 0, fullsize.Of(1, 7) // 7 has no factor in common with the 6 values of early
			permute(len(hooks), func(order []int) {
				for early := range len(order) + 1 {
					if n++; n%each == 0 && !t.Failed() {
						// In a bubble, because Close waits for a WroteRequest that may come late.
						synctest.Test(t, func(t *testing.T) { newHooked().play(t, end, order, early) })
					}
				}
			})
		})
	}
}

// play makes one exchange, in which the first hooks come before the response,
// and the others after the end.
func (h *hooked) play(t *testing.T, end func(func(), *http.Response), order []int, early int) {
	t.Helper()
	var names []string
	for i, n := range order {
		if i == early {
			names = append(names, "| end |")
		}
		names = append(names, hooks[n].name)
	}
	fail := func(format string, args ...any) {
		t.Helper()
		t.Errorf("%s: %s", strings.Join(names, ", "), fmt.Sprintf(format, args...))
	}
	var late *httptrace.ClientTrace
	h.base = func(req *http.Request, c *httptrace.ClientTrace) (*http.Response, error) {
		late = c
		req.Body.Close()
		for _, n := range order[:early] {
			hooks[n].call(h, c)
		}
		if end == nil {
			return nil, errors.New("refused by the host")
		}
		return respond(200, io.NopCloser(strings.NewReader("hello")))(req)
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	h.ends = nil
	req, _ := http.NewRequestWithContext(ctx, "POST", "https://host.example/", strings.NewReader("x"))
	resp, err := h.rt.RoundTrip(req)
	if (err != nil) != (end == nil) {
		t.Fatal(err)
	}
	known := func() (e roundtripper.Exchange) { return }
	if end != nil {
		end(cancel, resp)
		known = func() roundtripper.Exchange { e, _ := roundtripper.ExchangeOf(resp); return e }
	}
	if len(h.ends) != 1 {
		t.Fatalf("%d ends", len(h.ends))
	}
	before := known()
	if end != nil && !reflect.DeepEqual(before, h.ends[0]) {
		fail("the exchange says %+v, the Observer was told %+v", before, h.ends[0])
	}

	for _, n := range order[early:] {
		hooks[n].call(h, late)
	}
	dialEnds(late)
	if after := known(); !reflect.DeepEqual(after, before) {
		fail("the exchange has changed from %+v to %+v", before, after)
	}
	if len(h.ends) != 1 {
		fail("%d ends", len(h.ends))
	}
	h.atRest(fail)
}

// atRest checks the counters when nothing is in flight.
func (h *hooked) atRest(fail func(string, ...any)) {
	if s := h.spans.late(); s != "" {
		fail("after its end a span had %s", s)
	}
	s := h.pool.Stats()
	if s.InUse != 0 || s.Waiting != 0 || s.Open != s.Idle || s.Hosts[0].Dialing != 0 {
		fail("nothing is in flight, and the pool says %+v", s)
	}
	// The stack still counts right.
	h.base = func(req *http.Request, c *httptrace.ClientTrace) (*http.Response, error) {
		c.GetConn("host.example:443")
		c.GotConn(httptrace.GotConnInfo{Conn: h.conn, Reused: true, WasIdle: true})
		c.PutIdleConn(nil)
		return respond(204, http.NoBody)(req)
	}
	h.ends = nil
	req, _ := http.NewRequest("GET", "https://host.example/", nil)
	if _, err := h.rt.RoundTrip(req); err != nil {
		fail("the next request: %v", err)
	}
	if e := h.ends[0]; !e.Reused || !e.Returned || e.LostReason != "" || e.NewReason != "" {
		fail("the next exchange is %+v", e)
	}
	if s := h.pool.Stats(); s.Open != 1 || s.Idle != 1 {
		fail("one connection is idle, and the pool says %+v", s)
	}
	runtime.KeepAlive(h) // the pool knows its stacks weakly
}

// TestHooksRacingWithTheEnd: the same from another goroutine, at any moment.
func TestHooksRacingWithTheEnd(t *testing.T) {
	for name, end := range endings {
		t.Run(name, func(t *testing.T) {
			h := newHooked()
			for range 300 {
				if t.Failed() {
					return
				}
				var racing sync.WaitGroup
				h.base = func(req *http.Request, c *httptrace.ClientTrace) (*http.Response, error) {
					for _, k := range hooks {
						racing.Go(func() { k.call(h, c) })
					}
					racing.Go(func() { dialEnds(c) })
					if end == nil {
						return nil, errors.New("refused by the host")
					}
					return respond(200, io.NopCloser(strings.NewReader("hello")))(req)
				}
				ctx, cancel := context.WithCancel(t.Context())
				req, _ := http.NewRequestWithContext(ctx, "GET", "https://host.example/", nil)
				resp, err := h.rt.RoundTrip(req)
				if err == nil {
					end(cancel, resp)
				}
				racing.Wait()
				cancel()
				if e, ok := roundtripper.ExchangeOf(resp); ok && !reflect.DeepEqual(e, h.ends[0]) {
					t.Errorf("the Observer was told %+v, now the exchange says %+v", h.ends[0], e)
				}
				h.atRest(func(format string, args ...any) { t.Helper(); t.Errorf(format, args...) })
				h.ends = nil
			}
		})
	}
}

// TestBaseWithoutHooks: a base may call no hooks, as HTTP/3's, a stub or another kit.
func TestBaseWithoutHooks(t *testing.T) {
	for name, end := range endings {
		t.Run(name, func(t *testing.T) {
			h := newHooked()
			h.base = func(req *http.Request, _ *httptrace.ClientTrace) (*http.Response, error) {
				if end == nil {
					return nil, errors.New("refused by the host")
				}
				return respond(200, io.NopCloser(strings.NewReader("hello")))(req)
			}
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			req, _ := http.NewRequestWithContext(ctx, "GET", "https://host.example/", nil)
			if resp, err := h.rt.RoundTrip(req); err == nil {
				end(cancel, resp)
			}
			if len(h.ends) != 1 {
				t.Fatalf("%d ends, want 1", len(h.ends))
			}
			if e := h.ends[0]; e.ConnID != 0 || e.Reused || e.NewReason != "" || e.Returned || e.LostReason != "" || e.LocalAddr != nil {
				t.Errorf("%+v: nothing is known of a connection", e)
			}
			if s := h.pool.Stats(); s.InUse != 0 || s.Open != 0 {
				t.Errorf("%d slots in use and %d connections open, want none", s.InUse, s.Open)
			}
		})
	}
}
