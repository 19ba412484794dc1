package roundtrippertest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
)

// isTunnel reports whether a body belongs to the caller alone. The broken ones
// look, so that each has one fault.
func isTunnel(resp *http.Response) bool {
	_, ok := resp.Body.(*tunnel)
	return ok || resp.StatusCode == http.StatusSwitchingProtocols || resp.Request.Method == http.MethodConnect
}

// wrapBody replaces a body that may be wrapped.
func wrapBody(resp *http.Response, f func(io.ReadCloser) io.ReadCloser) {
	if resp.Body != http.NoBody && !isTunnel(resp) {
		resp.Body = f(resp.Body)
	}
}

// closing is a body with a Close of its own.
type closing struct {
	io.Reader
	close func() error
}

func (c closing) Close() error { return c.close() }

var brokenResponses = []broken{
	{name: "makes an error of a status", want: []string{"response-or-error"}, also: []string{"body-closed"},
		mw: by(func(next http.RoundTripper, req *http.Request) (*http.Response, error) {
			resp, err := next.RoundTrip(req)
			if err == nil && resp.StatusCode >= 500 {
				resp.Body.Close()
				return nil, fmt.Errorf("status %d", resp.StatusCode)
			}
			return resp, err
		})},
	{name: "returns a response together with an error", want: []string{"response-or-error"},
		mw: by(func(next http.RoundTripper, req *http.Request) (*http.Response, error) {
			resp, err := next.RoundTrip(req)
			if err == nil && resp.StatusCode == 429 {
				return resp, errors.New("slow down")
			}
			return resp, err
		})},
	{name: "follows redirects", want: []string{"response-or-error"},
		mw: by(func(next http.RoundTripper, req *http.Request) (*http.Response, error) {
			resp, err := next.RoundTrip(req)
			for range 3 {
				if err != nil || resp.StatusCode != 307 {
					break
				}
				resp.Body.Close()
				down := req.Clone(req.Context())
				down.URL = &url.URL{Scheme: req.URL.Scheme, Host: req.URL.Host, Path: resp.Header.Get("Location")}
				resp, err = next.RoundTrip(down)
			}
			if err == nil && resp.StatusCode == 307 {
				resp.Body.Close()
				return nil, errors.New("too many redirects")
			}
			return resp, err
		})},
	{name: "hides the base's error", want: []string{"base-error"}, also: []string{"cancel-before", "cancel-during"},
		mw: by(func(next http.RoundTripper, req *http.Request) (*http.Response, error) {
			resp, err := next.RoundTrip(req)
			if err != nil && !isCancel(err) {
				return nil, fmt.Errorf("request failed: %v", err)
			}
			return resp, err
		})},
	{name: "returns nothing where the base fails", want: []string{"base-error"}, also: []string{
		"request-header", "request-url", "request-fields", "request-body-closed", "request-body-closed-once", "refusal-closes-body", "cancel-before", "cancel-during"},
		mw: by(func(next http.RoundTripper, req *http.Request) (*http.Response, error) {
			resp, _ := next.RoundTrip(req)
			return resp, nil
		})},
	{name: "leaves its own request in the response, cancelled", want: []string{"response-request"},
		mw: by(func(next http.RoundTripper, req *http.Request) (*http.Response, error) {
			if req.Body != nil || req.Method == http.MethodConnect {
				return next.RoundTrip(req)
			}
			ctx, cancel := context.WithCancel(req.Context())
			resp, err := next.RoundTrip(req.WithContext(ctx))
			if err != nil {
				cancel()
				return nil, err
			}
			body := resp.Body
			switch _, tunnel := body.(io.Writer); {
			case body == http.NoBody:
				cancel()
			case tunnel:
				context.AfterFunc(req.Context(), cancel)
			default:
				resp.Body = closing{body, func() error { defer cancel(); return body.Close() }}
			}
			return resp, nil
		})},
	{name: "wraps http.NoBody of a response", want: []string{"response-no-body"},
		mw: byResponse(func(_ *http.Request, resp *http.Response) {
			if resp.Body == http.NoBody {
				resp.Body = closing{resp.Body, resp.Body.Close}
			}
		})},
	{name: "reads no more than 1000 bytes", want: []string{"body-content"}, also: []string{"concurrent"},
		mw: byResponse(func(_ *http.Request, resp *http.Response) {
			wrapBody(resp, func(b io.ReadCloser) io.ReadCloser { return closing{io.LimitReader(b, 1000), b.Close} })
		})},
	{name: "passes off a broken body as whole", want: []string{"body-content"}, also: []string{"cancel-in-body", "read-after-close"},
		mw: byResponse(func(_ *http.Request, resp *http.Response) {
			wrapBody(resp, func(b io.ReadCloser) io.ReadCloser { return closing{eofOnly{b}, b.Close} })
		})},
	{name: "cancels the context when it returns", want: []string{"body-content"}, also: []string{
		"response-request", "trailers-announced", "trailers-unannounced", "cancel-in-body", "cancel-after", "hooks",
		"close-while-hanging", "connect-socket", "upload-outlives-response", "upgrade-socket"},
		mw: by(func(next http.RoundTripper, req *http.Request) (*http.Response, error) {
			ctx, cancel := context.WithCancel(req.Context())
			defer cancel()
			return next.RoundTrip(req.WithContext(ctx))
		})},
	{name: "buffers the response", want: []string{"body-streams"}, also: []string{
		"body-content", "read-after-close", "close-while-hanging", "cancel-in-body", "upload-outlives-response", "trailers-announced"},
		mw: byResponse(func(_ *http.Request, resp *http.Response) {
			wrapBody(resp, func(b io.ReadCloser) io.ReadCloser {
				defer b.Close()
				data, _ := io.ReadAll(b)
				return io.NopCloser(bytes.NewReader(data))
			})
		})},
	{name: "closes the body twice", want: []string{"body-closed"},
		mw: byResponse(func(_ *http.Request, resp *http.Response) {
			wrapBody(resp, func(b io.ReadCloser) io.ReadCloser {
				return closing{b, func() error { b.Close(); return b.Close() }}
			})
		})},
	{name: "never closes the body", want: []string{"body-closed"}, also: []string{"close-while-hanging", "read-after-close", "cancel-after", "connect-socket", "goroutines"},
		mw: byResponse(func(_ *http.Request, resp *http.Response) {
			wrapBody(resp, func(b io.ReadCloser) io.ReadCloser { return io.NopCloser(b) })
		})},
	{name: "reads as at the end when closed", want: []string{"read-after-close"},
		mw: byResponse(func(_ *http.Request, resp *http.Response) {
			wrapBody(resp, func(b io.ReadCloser) io.ReadCloser { return &eofAfterClose{b, false} })
		})},
}

// eofOnly makes io.EOF of every error.
type eofOnly struct{ io.Reader }

func (r eofOnly) Read(p []byte) (int, error) {
	n, err := r.Reader.Read(p)
	if err != nil {
		err = io.EOF
	}
	return n, err
}

type eofAfterClose struct {
	io.ReadCloser
	closed bool
}

func (b *eofAfterClose) Read(p []byte) (int, error) {
	if b.closed {
		return 0, io.EOF
	}
	return b.ReadCloser.Read(p)
}

func (b *eofAfterClose) Close() error { b.closed = true; return b.ReadCloser.Close() }
