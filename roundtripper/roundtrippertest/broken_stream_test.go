package roundtrippertest

import (
	"bufio"
	"context"
	"io"
	"net/http"
)

var brokenStreams = []broken{
	{name: "drains without bound", want: []string{"close-while-hanging"}, also: []string{"cancel-in-body"},
		mw: byResponse(func(_ *http.Request, resp *http.Response) {
			wrapBody(resp, func(b io.ReadCloser) io.ReadCloser {
				return closing{b, func() error { io.Copy(io.Discard, b); return b.Close() }}
			})
		})},
	{name: "closes the body behind the caller's back, when it has ended", want: []string{"close-while-hanging"},
		mw: byResponse(func(_ *http.Request, resp *http.Response) {
			if resp.ProtoMajor == 1 && resp.ContentLength == 100 {
				b := resp.Body
				resp.Body = closing{b, func() error { go func() { io.Copy(io.Discard, b); b.Close() }(); return nil }}
			}
		})},
	{name: "drops trailers", want: []string{"trailers-announced", "trailers-unannounced"},
		mw: byResponse(func(_ *http.Request, resp *http.Response) {
			wrapBody(resp, func(b io.ReadCloser) io.ReadCloser {
				resp.Trailer = nil
				return &atEOF{b, func() { resp.Trailer = nil }}
			})
		})},
	{name: "returns a copy of the response", want: []string{"trailers-unannounced"},
		mw: by(func(next http.RoundTripper, req *http.Request) (*http.Response, error) {
			resp, err := next.RoundTrip(req)
			if err != nil {
				return nil, err
			}
			copied := *resp
			return &copied, nil
		})},
	{name: "hides io.Writer of a 101", want: []string{"upgrade-writable"}, also: []string{"upgrade-close-write"},
		mw: byResponse(func(_ *http.Request, resp *http.Response) {
			if resp.StatusCode == 101 {
				resp.Body = closing{resp.Body, resp.Body.Close}
			}
		})},
	{name: "hides CloseWrite of a 101", want: []string{"upgrade-close-write"},
		mw: byResponse(func(_ *http.Request, resp *http.Response) {
			if resp.StatusCode == 101 {
				resp.Body = struct{ io.ReadWriteCloser }{resp.Body.(io.ReadWriteCloser)}
			}
		})},
	{name: "reads the body of a 101", want: []string{"upgrade-unread"},
		mw: byResponse(func(_ *http.Request, resp *http.Response) {
			if t, ok := resp.Body.(*tunnel); ok && resp.StatusCode == 101 {
				br := bufio.NewReader(t)
				br.Peek(1)
				resp.Body = peeked{t, br}
			}
		})},
	{name: "takes the greeting of a 101 away", want: []string{"upgrade-socket"}, also: []string{"upgrade-unread"},
		mw: byResponse(func(_ *http.Request, resp *http.Response) {
			if resp.StatusCode == 101 {
				resp.Body.Read(make([]byte, 4))
			}
		})},
	{name: "hides io.Writer of a CONNECT", want: []string{"connect-writable"},
		mw: byResponse(func(req *http.Request, resp *http.Response) {
			if req.Method == http.MethodConnect {
				resp.Body = closing{resp.Body, resp.Body.Close}
			}
		})},
	{name: "drains a CONNECT", want: []string{"connect-unread"},
		mw: byResponse(func(req *http.Request, resp *http.Response) {
			if t, ok := resp.Body.(*tunnel); ok && req.Method == http.MethodConnect {
				resp.Body = draining{t}
			}
		})},
	{name: "cancels at the end of the response, whatever is still written", want: []string{"upload-outlives-response"},
		mw: by(func(next http.RoundTripper, req *http.Request) (*http.Response, error) {
			ctx, cancel := context.WithCancel(req.Context())
			resp, err := next.RoundTrip(req.WithContext(ctx))
			if err != nil {
				cancel()
				return nil, err
			}
			if resp.Request.Context() == ctx {
				resp.Request = req
			}
			wrapBody(resp, func(b io.ReadCloser) io.ReadCloser { return &atEOF{b, cancel} })
			return resp, nil
		})},
	{name: "swallows a cancel in the body", want: []string{"cancel-in-body"}, also: []string{"cancel-before"},
		mw: by(func(next http.RoundTripper, req *http.Request) (*http.Response, error) {
			ctx, cancel := context.WithCancel(context.WithoutCancel(req.Context()))
			if d, ok := req.Context().Deadline(); ok {
				ctx, cancel = context.WithDeadline(ctx, d)
			}
			stop := context.AfterFunc(req.Context(), cancel)
			resp, err := next.RoundTrip(req.WithContext(ctx))
			stop()
			if err != nil {
				cancel()
				if req.Context().Err() != nil {
					err = context.Cause(req.Context())
				}
				return nil, err
			}
			if resp.Request.Context() == ctx {
				resp.Request = req
			}
			wrapBody(resp, func(b io.ReadCloser) io.ReadCloser {
				return closing{b, func() error { defer cancel(); return b.Close() }}
			})
			return resp, nil
		})},
	{name: "asks the context once more on Close", want: []string{"cancel-after"},
		mw: byResponse(func(req *http.Request, resp *http.Response) {
			wrapBody(resp, func(b io.ReadCloser) io.ReadCloser {
				return closing{b, func() error {
					err := b.Close()
					if req.Context().Err() != nil {
						err = req.Context().Err()
					}
					return err
				}}
			})
		})},
}

type peeked struct {
	*tunnel
	r io.Reader
}

func (b peeked) Read(p []byte) (int, error) { return b.r.Read(p) }

type draining struct{ *tunnel }

func (b draining) Close() error {
	b.tunnel.Read(make([]byte, 1))
	return b.tunnel.Close()
}

// atEOF calls f when a Read comes to the end.
type atEOF struct {
	io.ReadCloser
	f func()
}

func (b *atEOF) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if err == io.EOF {
		b.f()
	}
	return n, err
}
