package roundtripper_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"reflect"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/warmconn/warmconn/internal/testserver"
	"github.com/warmconn/warmconn/roundtripper"
)

// TestRoundTripWithoutAClient: SDKs and proxies call RoundTrip themselves, and
// no client completes or checks their request before.
func TestRoundTripWithoutAClient(t *testing.T) {
	f := newFull(t, handler, testserver.Options{}, 1)
	u, _ := url.Parse(f.srv.URL)
	const n = 5
	for range n {
		resp, err := f.rt.RoundTrip(&http.Request{URL: u, Header: http.Header{}}) // no method: GET
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
	}
	f.atRest(t, n)
	f.onOneConn(t)
}

// TestWhatNetHTTPRefuses: requests that net/http refuses are refused below the layers with the
// same error, and keep no slot.
func TestWhatNetHTTPRefuses(t *testing.T) {
	f := newFull(t, handler, testserver.Options{}, 1)
	good, _ := url.Parse(f.srv.URL)
	tests := map[string]http.Request{
		"no URL":               {Header: http.Header{}},
		"no header":            {URL: good},
		"no host":              {URL: &url.URL{Scheme: "http"}, Header: http.Header{}},
		"no such scheme":       {URL: &url.URL{Scheme: "gopher", Host: good.Host}, Header: http.Header{}},
		"not a method":         {Method: "A B", URL: good, Header: http.Header{}},
		"not a header's value": {URL: good, Header: http.Header{"X": {"a\nb"}}},
	}
	for name, req := range tests {
		t.Run(name, func(t *testing.T) {
			f.ends = nil
			try := func(rt http.RoundTripper) error {
				body := &tracked{Reader: strings.NewReader("x")}
				r := req.WithContext(t.Context())
				r.Body, r.ContentLength = body, 1
				resp, err := rt.RoundTrip(r)
				if err == nil {
					resp.Body.Close()
					t.Fatalf("%T took it", rt)
				}
				if body.closes.Load() == 0 {
					t.Errorf("%T has not closed the request's body", rt)
				}
				return err
			}
			want := try(f.srv.Transport())
			if got := try(f.rt); got.Error() != want.Error() {
				t.Errorf("error %q, want net/http's %q", got, want)
			}
			if len(f.ends) != 1 || f.ends[0].Outcome != roundtripper.OutcomeFailed {
				t.Errorf("exchanges %+v, want one that failed", f.ends)
			}
			if s := f.pool.Stats(); s.InUse != 0 {
				t.Errorf("%d slots in use, want 0", s.InUse)
			}
		})
	}
}

// TestOneContextForManyRequests: the facts of one exchange must not depend
// on the others that its context serves, nor the caller's own hooks on ours.
func TestOneContextForManyRequests(t *testing.T) {
	for _, o := range []testserver.Options{{}, {TLS: true}, {HTTP2: true}} {
		t.Run(fmt.Sprintf("%+v", o), func(t *testing.T) {
			const n = 30
			together := make(chan struct{})
			var arrived atomic.Int32
			f := newFull(t, func(w http.ResponseWriter, r *http.Request) {
				if arrived.Add(1) == n {
					close(together)
				}
				select {
				case <-together: // all of them are in flight
				case <-r.Context().Done():
				}
				io.WriteString(w, "hello")
			}, o, 0)
			var got, wrote atomic.Int32
			own := &httptrace.ClientTrace{
				GotConn:      func(httptrace.GotConnInfo) { got.Add(1) },
				WroteRequest: func(httptrace.WroteRequestInfo) { wrote.Add(1) },
			}
			before := *own
			ctx, cancel := context.WithCancel(httptrace.WithClientTrace(t.Context(), own))
			defer cancel()
			client := &http.Client{Transport: f.rt}
			var wg sync.WaitGroup
			for range n {
				wg.Go(func() {
					req, _ := http.NewRequestWithContext(ctx, "GET", f.srv.URL, nil)
					resp, err := client.Do(req)
					if err != nil {
						t.Error(err)
						return
					}
					io.Copy(io.Discard, resp.Body)
					resp.Body.Close()
				})
			}
			wg.Wait()
			f.atRest(t, n)
			conns := make(map[uint64]int)
			for _, e := range f.ends {
				conns[e.ConnID]++
				if e.Outcome != roundtripper.OutcomeEOF || e.BytesRead != 5 || e.LostReason != "" && unkept(e) == 0 {
					t.Errorf("%+v", e)
				}
			}
			if want := f.srv.Opened(); !o.HTTP2 && (len(conns) != n || want != n) {
				t.Errorf("%d connections told of, and %d opened, for %d at once", len(conns), want, n)
			}
			if got.Load() != n || wrote.Load() != n {
				t.Errorf("the caller's own hooks: GotConn %d times and WroteRequest %d times, want %d", got.Load(), wrote.Load(), n)
			}
			if !sameFuncs(before, *own) {
				t.Error("the caller's ClientTrace was changed")
			}
		})
	}
}

// sameFuncs compares funcs by their code.
func sameFuncs(a, b httptrace.ClientTrace) bool {
	va, vb := reflect.ValueOf(a), reflect.ValueOf(b)
	for i := range va.NumField() {
		if va.Field(i).Pointer() != vb.Field(i).Pointer() {
			return false
		}
	}
	return true
}

// TestLayerTwice: an SDK wraps a client that the application has wrapped already. A layer that
// is in a stack twice does its work once, with or without others between.
func TestLayerTwice(t *testing.T) {
	for _, order := range [][]int{{0, 1, 2, 3, 0, 1, 2, 3}, {3, 2, 1, 0, 0, 1, 2, 3}, {0, 0, 1, 1, 2, 2, 3, 3}} {
		t.Run(fmt.Sprint(order), func(t *testing.T) {
			f := newFull(t, handler, testserver.Options{}, 1)
			mw, twice := f.layers(), []roundtripper.Middleware(nil)
			for _, i := range order {
				twice = append(twice, mw[i])
			}
			client := roundtripper.Client(&http.Client{Transport: f.srv.Transport()}, twice...)
			defer client.CloseIdleConnections()
			const n = 3
			for range n {
				resp, err := client.Get(f.srv.URL)
				if err != nil {
					t.Fatal(err)
				}
				resp.Body.Close()
			}
			f.atRest(t, n)
			f.onOneConn(t)
			for _, e := range f.ends {
				if e.BytesDrained != 1 || e.Outcome != roundtripper.OutcomeDrained {
					t.Errorf("outcome %q with %d bytes drained, want drained with 1", e.Outcome, e.BytesDrained)
				}
			}
		})
	}
}

// TestRedirects: each hop is an exchange, and gives its slot and connection to
// the next one.
func TestRedirects(t *testing.T) {
	const hops = 4
	hop := func(w http.ResponseWriter, r *http.Request) {
		io.Copy(io.Discard, r.Body)
		n := 0
		fmt.Sscanf(r.URL.Path, "/%d", &n)
		if n < hops {
			w.Header().Set("Location", fmt.Sprintf("/%d", n+1))
			w.WriteHeader(http.StatusPermanentRedirect) // with the body again
		}
		io.WriteString(w, strings.Repeat("x", 5000)) // more than http.Client reads of it
	}
	stop := errors.New("stop")
	for _, o := range []testserver.Options{{}, {HTTP2: true}} {
		for name, tt := range map[string]struct {
			check func(*http.Request, []*http.Request) error
			ends  int
			err   error
		}{
			"followed":   {nil, hops + 1, nil},
			"not":        {func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }, 1, nil},
			"refused":    {func(_ *http.Request, via []*http.Request) error { return errIf(len(via) == 2, stop) }, 2, stop},
			"off a host": {func(r *http.Request, via []*http.Request) error { r.URL.Host = "127.0.0.1:0"; return nil }, 2, errAny},
		} {
			t.Run(fmt.Sprintf("http2=%v/%s", o.HTTP2, name), func(t *testing.T) {
				f := newFull(t, hop, o, 1) // a hop that kept its slot would hang the next
				client := &http.Client{Transport: f.rt, CheckRedirect: tt.check}
				resp, err := client.Post(f.srv.URL+"/0", "text/plain", strings.NewReader("upload"))
				if (err != nil) != (tt.err != nil) || tt.err == stop && !errors.Is(err, stop) {
					t.Fatalf("error %v, want %v", err, tt.err)
				}
				if err == nil {
					if n := f.pool.Stats().InUse; n != 1 {
						t.Errorf("%d slots in use before the body is closed, want 1", n)
					}
					resp.Body.Close()
				}
				f.atRest(t, tt.ends)
				f.onOneConn(t)
			})
		}
	}
}

var errAny = errors.New("any")

func errIf(yes bool, err error) error {
	if yes {
		return err
	}
	return nil
}
