package roundtrippertest_test

import (
	"fmt"
	"net/http"
	"os"
	"regexp"
	"sync"
	"testing"

	"github.com/warmconn/warmconn/roundtripper"
	"github.com/warmconn/warmconn/roundtripper/roundtrippertest"
)

// userAgent is the middleware to be tested.
func userAgent(next http.RoundTripper) http.RoundTripper {
	return roundtripper.Layer(next, func(req *http.Request) (*http.Response, error) {
		req = req.Clone(req.Context())
		req.Header.Set("User-Agent", "example/1.0")
		return next.RoundTrip(req)
	})
}

// The test of a middleware is one line.
func ExampleTestMiddleware() {
	TestUserAgent := func(t *testing.T) {
		roundtrippertest.TestMiddleware(t, userAgent)
	}
	fmt.Println("passes:", passes(TestUserAgent))
	// Output: passes: true
}

// passes runs a test once, as go test would. Its own output with -v is not part of the
// example's.
func passes(f func(*testing.T)) bool {
	stdout := os.Stdout
	defer func() { os.Stdout = stdout }()
	os.Stdout = os.Stderr
	var once sync.Once // with any -count
	return testing.RunTests(regexp.MatchString, []testing.InternalTest{{
		Name: "ExampleTestMiddleware", // it runs if -run and -skip let the example run
		F:    func(t *testing.T) { once.Do(func() { f(t) }) },
	}})
}
