// Package roundtrippertest tests any middleware for http.RoundTripper against
// the contract of that interface.
//
//	func TestRetrier(t *testing.T) {
//		roundtrippertest.TestMiddleware(t, func(next http.RoundTripper) http.RoundTripper {
//			return &Retrier{Next: next, Attempts: 3, Wait: time.Millisecond}
//		})
//	}
//
// # What it tests
//
// First, the contract as net/http documents it:
//
//   - the request is not changed;
//   - its body is closed on every path;
//   - an error means that there is no response;
//   - concurrent use is safe.
//
// Second, honesty, which makes a middleware invisible to programs that do not ask for it:
//
//   - CloseIdleConnections and Unwrap reach the base;
//   - http.NoBody is passed on unchanged;
//   - the body of a 101 can be written to;
//   - trailers arrive;
//   - the caller's httptrace hooks run as often as without the middleware;
//   - the caller's context rules;
//   - Body.Close returns although the server hangs.
//
// Each case is a subtest. One that fails prints its observations and the sentence that was
// broken, with its source.
//
// # What the middleware must do for it
//
// The middleware is called several times in each case, over scripted bases (a Transport)
// and over http.Transports to servers on loopback, HTTP/1 and HTTP/2. It has to
// let requests through: configure it so that 16 requests at once pass, or wait
// for each other, and so that errors and statuses like 503 are given up on
// within a second. It may add headers to a request of its own making. A goroutine
// that outlives the requests, to refresh a token for example, has to be started
// before TestMiddleware: goroutines that were started during it, and still run at
// its end, count as leaks.
//
// Refusals can only be provoked by a cancelled context and by 16 requests at
// once. Test a middleware that limits or queues a second time, configured to
// let one request through at once.
//
// # What it costs
//
// It takes a fraction of a second, and no network but loopback. A middleware that hangs
// fails its case after five seconds, and after three such cases the rest is skipped.
package roundtrippertest

import (
	"net/http"
	"testing"
	"time"
)

// patience is the time limit of one case. A sound middleware needs milliseconds; the rest is
// for busy machines.
const patience = 5 * time.Second

// maxHung is the number of cases that may hang before the rest is skipped.
const maxHung = 3

// TestMiddleware runs mw through the contract of http.RoundTripper, each case in
// a subtest of t. The package's documentation says what mw must do for it. A
// roundtripper.Middleware can be passed as it is.
func TestMiddleware(t *testing.T, mw func(next http.RoundTripper) http.RoundTripper) {
	t.Helper()
	if mw == nil {
		t.Fatal("roundtrippertest: the middleware is nil")
	}
	s := newSuite(mw, func(testCase) time.Duration { return patience })
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			if s.hung >= maxHung {
				t.Skipf("not run: %d cases before it hung", s.hung)
			}
			if f := s.run(c); f != nil {
				t.Error(f)
			}
		})
	}
}
