package roundtrippertest

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"sync/atomic"
)

var brokenRequests = []broken{
	{name: "sets a header in place", want: []string{"request-header"},
		mw: by(func(next http.RoundTripper, req *http.Request) (*http.Response, error) {
			req.Header.Set("Authorization", "secret")
			return next.RoundTrip(req)
		})},
	{name: "sets a header through a shallow copy, and takes it back", want: []string{"request-header"},
		mw: by(func(next http.RoundTripper, req *http.Request) (*http.Response, error) {
			down := req.WithContext(req.Context())
			down.Header.Set("Authorization", "secret")
			defer down.Header.Del("Authorization")
			return next.RoundTrip(down)
		})},
	{name: "changes the URL", want: []string{"request-url"},
		mw: by(func(next http.RoundTripper, req *http.Request) (*http.Response, error) {
			req.URL.RawQuery += "&api-version=1"
			return next.RoundTrip(req)
		})},
	{name: "replaces the URL", want: []string{"request-url"},
		mw: by(func(next http.RoundTripper, req *http.Request) (*http.Response, error) {
			req.URL = func(u url.URL) *url.URL { return &u }(*req.URL)
			return next.RoundTrip(req)
		})},
	{name: "sets the host", want: []string{"request-fields"},
		mw: by(func(next http.RoundTripper, req *http.Request) (*http.Response, error) {
			req.Host = "other.example"
			return next.RoundTrip(req)
		})},
	{name: "wraps the body in place", want: []string{"request-fields"},
		mw: by(func(next http.RoundTripper, req *http.Request) (*http.Response, error) {
			if req.Body != nil && req.Body != http.NoBody {
				req.Body = struct{ io.ReadCloser }{req.Body}
			}
			return next.RoundTrip(req)
		})},
	{name: "logs the body and sends none", want: []string{"request-body-arrives"}, also: []string{
		"concurrent", "request-body-closed", "cancel-during", "hooks"}, // where it sends a length and no body
		mw: by(func(next http.RoundTripper, req *http.Request) (*http.Response, error) {
			if req.Body != nil && req.ContentLength > 0 {
				io.Copy(io.Discard, req.Body)
			}
			return next.RoundTrip(req)
		})},
	{name: "wraps http.NoBody of a request", want: []string{"request-no-body"},
		mw: by(func(next http.RoundTripper, req *http.Request) (*http.Response, error) {
			if req.Body != nil {
				down := req.WithContext(req.Context())
				down.Body = struct{ io.ReadCloser }{req.Body}
				return next.RoundTrip(down)
			}
			return next.RoundTrip(req)
		})},
	{name: "hides Close of the request's body", want: []string{"request-body-closed", "refusal-closes-body"}, also: []string{"cancel-during"},
		mw: by(func(next http.RoundTripper, req *http.Request) (*http.Response, error) {
			if req.Body != nil && req.ContentLength > 0 {
				down := req.WithContext(req.Context())
				down.Body = io.NopCloser(req.Body)
				return next.RoundTrip(down)
			}
			return next.RoundTrip(req)
		})},
	{name: "closes the request's body after a base that did", want: []string{"request-body-closed-once"},
		mw: by(func(next http.RoundTripper, req *http.Request) (*http.Response, error) {
			resp, err := next.RoundTrip(req)
			if err != nil && req.Body != nil {
				req.Body.Close()
			}
			return resp, err
		})},
	{name: "refuses a context that is done, and leaves the body open", want: []string{"refusal-closes-body"},
		mw: by(func(next http.RoundTripper, req *http.Request) (*http.Response, error) {
			if err := req.Context().Err(); err != nil {
				return nil, err
			}
			return next.RoundTrip(req)
		})},
	{name: "refuses the ninth at once, and leaves the body open", want: []string{"refusal-closes-body"}, also: []string{"concurrent"},
		mw: func(next http.RoundTripper) http.RoundTripper {
			var inFlight atomic.Int32
			return by(func(next http.RoundTripper, req *http.Request) (*http.Response, error) {
				defer inFlight.Add(-1)
				if inFlight.Add(1) > 8 {
					return nil, errors.New("too many")
				}
				return next.RoundTrip(req)
			})(next)
		}},
	{name: "loses the caller's httptrace", want: []string{"hooks"},
		mw: by(func(next http.RoundTripper, req *http.Request) (*http.Response, error) {
			return next.RoundTrip(req.WithContext(untraced{req.Context()}))
		})},
	{name: "runs the caller's hooks twice", want: []string{"hooks"},
		mw: by(func(next http.RoundTripper, req *http.Request) (*http.Response, error) {
			if t := httptrace.ContextClientTrace(req.Context()); t != nil {
				again := *t
				req = req.WithContext(httptrace.WithClientTrace(req.Context(), &again))
			}
			return next.RoundTrip(req)
		})},
	{name: "has a context of its own", want: []string{"context-passed", "cancel-during", "cancel-in-body", "hooks"},
		also: []string{"cancel-before", "refusal-closes-body"},
		mw: by(func(next http.RoundTripper, req *http.Request) (*http.Response, error) {
			return next.RoundTrip(req.WithContext(context.Background()))
		})},
	{name: "does not look at the context before it answers", want: []string{"cancel-before", "cancel-during"},
		mw: by(func(next http.RoundTripper, req *http.Request) (*http.Response, error) {
			resp, err := next.RoundTrip(req)
			if errors.Is(err, context.Canceled) || errors.Is(err, errCause) {
				return (&Transport{Status: http.StatusGatewayTimeout}).response(req), nil
			}
			return resp, err
		})},
	{name: "buffers the upload", want: []string{"connect-socket", "upload-outlives-response"},
		mw: by(func(next http.RoundTripper, req *http.Request) (*http.Response, error) {
			if req.Body == nil || req.Body == http.NoBody {
				return next.RoundTrip(req)
			}
			data, err := io.ReadAll(req.Body)
			req.Body.Close()
			if err != nil {
				return nil, err
			}
			down := req.WithContext(req.Context())
			down.Body = io.NopCloser(bytes.NewReader(data))
			return next.RoundTrip(down)
		})},
}

// untraced is a context without httptrace's value.
type untraced struct{ context.Context }

func (c untraced) Value(key any) any {
	v := c.Context.Value(key)
	if _, ok := v.(*httptrace.ClientTrace); ok {
		return nil
	}
	return v
}
