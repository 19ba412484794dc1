package roundtrippertest

import (
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/warmconn/warmconn/internal/fullsize"
)

// broken is a middleware with one fault, and the cases that must name it.
type broken struct {
	name string
	mw   func(http.RoundTripper) http.RoundTripper
	want []string
	// may fail as well: the fault shows there too.
	also []string
}

// honest is a sound layer. Broken ones embed it.
type honest struct{ next http.RoundTripper }

func (h honest) Unwrap() http.RoundTripper { return h.next }

func (h honest) CloseIdleConnections() { (&http.Client{Transport: h.next}).CloseIdleConnections() }

type roundTrip func(next http.RoundTripper, req *http.Request) (*http.Response, error)

type layer struct {
	honest
	f roundTrip
}

func (l layer) RoundTrip(req *http.Request) (*http.Response, error) { return l.f(l.next, req) }

// by makes an otherwise honest middleware of f.
func by(f roundTrip) func(http.RoundTripper) http.RoundTripper {
	return func(next http.RoundTripper) http.RoundTripper { return layer{honest{next}, f} }
}

// byResponse is by for middlewares that let the request through unchanged.
func byResponse(f func(*http.Request, *http.Response)) func(http.RoundTripper) http.RoundTripper {
	return by(func(next http.RoundTripper, req *http.Request) (*http.Response, error) {
		resp, err := next.RoundTrip(req)
		if err == nil {
			f(req, resp)
		}
		return resp, err
	})
}

// soon is the time limit of the cases that a broken middleware must fail, for some of them
// hang. The other cases have the time that they need on a busy machine.
const soon = 500 * time.Millisecond

// fails reports whether a case must or may fail.
func (b broken) fails(c testCase) bool {
	return slices.Contains(b.want, c.name) || slices.Contains(b.also, c.name)
}

// failures runs the cases over the i-th broken middleware. In the small size, of the cases that
// it must pass each has one in five, by turns. None is skipped because others hang, or have had
// no turn on a busy machine.
func (b broken) failures(i int) (found []*failure) {
	s := newSuite(b.mw, func(c testCase) time.Duration {
		if b.fails(c) {
			return soon
		}
		return patience
	})
	for j, c := range cases {
		if fullsize.Asked() || b.fails(c) || (i+j)%5 == 0 {
			if f := s.run(c); f != nil {
				found = append(found, f)
			}
		}
	}
	return found
}

func TestBrokenMiddlewareIsCaught(t *testing.T) {
	t.Parallel()
	all := slices.Concat(brokenRequests, brokenResponses, brokenStreams, brokenChains)
	// More at once than go test would run in parallel: some wait most of the time.
	found := make([]chan []*failure, len(all))
	limit := make(chan struct{}, 12)
	for i, b := range all {
		found[i] = make(chan []*failure, 1)
		go func() {
			limit <- struct{}{}
			found[i] <- b.failures(i)
			<-limit
		}()
	}
	for i, b := range all {
		t.Run(b.name, func(t *testing.T) {
			var got []string
			for _, f := range <-found[i] {
				got = append(got, f.name)
				t.Logf("%s: %v", f.name, f)
				if len(f.rule) == 0 || !strings.Contains(f.String(), f.rule) {
					t.Errorf("%s does not say which rule was broken", f.name)
				}
				if !slices.Contains(b.want, f.name) && !slices.Contains(b.also, f.name) {
					t.Errorf("%s failed, though the fault is none of its own", f.name)
				}
			}
			for _, name := range b.want {
				if !slices.Contains(got, name) {
					t.Errorf("%s passed", name)
				}
			}
		})
	}
}

// TestEachCaseIsBrokenBySomebody: a case that no middleware fails checks nothing.
func TestEachCaseIsBrokenBySomebody(t *testing.T) {
	all := slices.Concat(brokenRequests, brokenResponses, brokenStreams, brokenChains)
	for _, c := range cases {
		if !slices.ContainsFunc(all, func(b broken) bool {
			return slices.Contains(b.want, c.name)
		}) {
			t.Errorf("no broken middleware is wanted to fail %s", c.name)
		}
	}
}

func TestCasesHaveNamesOfTheirOwn(t *testing.T) {
	seen := make(map[string]bool)
	for _, c := range cases {
		if seen[c.name] || c.rule == "" {
			t.Errorf("%q is there twice, or has no rule", c.name)
		}
		seen[c.name] = true
	}
}

func TestSoundMiddlewarePasses(t *testing.T) {
	t.Parallel()
	for name, mw := range map[string]func(http.RoundTripper) http.RoundTripper{
		"none":  func(next http.RoundTripper) http.RoundTripper { return next },
		"empty": byResponse(func(*http.Request, *http.Response) {}),
		"signs a clone": by(func(next http.RoundTripper, req *http.Request) (*http.Response, error) {
			req = req.Clone(req.Context())
			req.Header.Set("Authorization", "secret")
			return next.RoundTrip(req)
		}),
	} {
		t.Run(name, func(t *testing.T) {
			began := time.Now()
			TestMiddleware(t, mw)
			t.Logf("took %v", time.Since(began))
		})
	}
}

// TestHangingMiddlewareEnds: the test ends in bounded time, and names the call that hangs.
func TestHangingMiddlewareEnds(t *testing.T) {
	t.Parallel()
	found := check(by(func(http.RoundTripper, *http.Request) (*http.Response, error) { select {} }), cases, func(testCase) time.Duration { return 50 * time.Millisecond })
	if len(found) != maxHung {
		t.Fatalf("%d cases failed, want %d: the rest is not worth the wait", len(found), maxHung)
	}
	// A case that had no turn in its 50 ms has made no call that hangs.
	if !slices.ContainsFunc(found, func(f *failure) bool {
		return strings.Contains(f.String(), "not done after 50ms: RoundTrip of POST") && strings.Contains(f.String(), "still hangs")
	}) {
		t.Errorf("no failure says what hangs: %v", found)
	}
}

func always(testCase) time.Duration { return patience }

func TestPanicIsAFailure(t *testing.T) {
	t.Parallel()
	found := check(by(func(http.RoundTripper, *http.Request) (*http.Response, error) { panic("boom") }), cases, always)
	if len(found) == 0 || !strings.Contains(found[0].String(), "panic: boom") {
		t.Errorf("got %v, want a failure that tells of the panic", found)
	}
	if found := check(func(http.RoundTripper) http.RoundTripper { return nil }, cases, always); len(found) < len(cases)-1 {
		t.Errorf("a nil RoundTripper fails only %d cases", len(found))
	}
}
