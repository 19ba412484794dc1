package roundtrippertest

import (
	"bufio"
	"io"
	"net/http"
	"sync"
)

var brokenChains = []broken{
	{name: "swallows CloseIdleConnections", want: []string{"close-idle-connections"},
		mw: func(next http.RoundTripper) http.RoundTripper { return unwrapper{next} }},
	{name: "cannot be unwrapped", want: []string{"unwrap"},
		mw: func(next http.RoundTripper) http.RoundTripper { return idleCloser{next} }},
	{name: "two names for two things below", want: []string{"unwrap"},
		mw: func(next http.RoundTripper) http.RoundTripper { return twoNames{honest{next}} }},
	{name: "shares a buffer between responses", want: []string{"concurrent"}, mw: sharedBuffer},
	{name: "leaves a goroutine to each request", want: []string{"goroutines"},
		mw: by(func(next http.RoundTripper, req *http.Request) (*http.Response, error) {
			go func() { <-make(chan struct{}) }()
			return next.RoundTrip(req)
		})},
}

type unwrapper struct{ next http.RoundTripper }

func (u unwrapper) RoundTrip(req *http.Request) (*http.Response, error) { return u.next.RoundTrip(req) }
func (u unwrapper) Unwrap() http.RoundTripper                           { return u.next }

type idleCloser struct{ next http.RoundTripper }

func (c idleCloser) RoundTrip(req *http.Request) (*http.Response, error) {
	return c.next.RoundTrip(req)
}
func (c idleCloser) CloseIdleConnections() { honest(c).CloseIdleConnections() }

type twoNames struct{ honest }

func (l twoNames) RoundTrip(req *http.Request) (*http.Response, error) { return l.next.RoundTrip(req) }
func (l twoNames) WrappedRoundTripper() http.RoundTripper              { return http.DefaultTransport }

// sharedBuffer reads every body through one bufio.Reader. The lock keeps the
// race detector out of it: the bodies get mixed up all the same.
func sharedBuffer(next http.RoundTripper) http.RoundTripper {
	var mu sync.Mutex
	br := bufio.NewReaderSize(nil, 64)
	return byResponse(func(_ *http.Request, resp *http.Response) {
		wrapBody(resp, func(b io.ReadCloser) io.ReadCloser {
			if _, scripted := b.(*Body); !scripted {
				return b // a Read that hangs would hold the lock
			}
			mu.Lock()
			defer mu.Unlock()
			br.Reset(b)
			return closing{readFunc(func(p []byte) (int, error) {
				mu.Lock()
				defer mu.Unlock()
				return br.Read(p)
			}), b.Close}
		})
	})(next)
}

type readFunc func([]byte) (int, error)

func (f readFunc) Read(p []byte) (int, error) { return f(p) }
