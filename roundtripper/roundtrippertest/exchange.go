package roundtrippertest

import (
	"context"
	"io"
	"net/http"

	"github.com/warmconn/warmconn/internal/chain"
	"github.com/warmconn/warmconn/internal/testserver"
)

// scripted is the URL of requests to scripted bases. Nothing is sent there.
const scripted = "http://host.example/"

// wrap puts the middleware over base.
func (p *probe) wrap(base http.RoundTripper) http.RoundTripper {
	rt := p.mw(base)
	if rt == nil {
		p.fatalf("the middleware returned a nil RoundTripper")
	}
	return rt
}

// context returns a context that ends with the case.
func (p *probe) context() (context.Context, context.CancelCauseFunc) {
	ctx, cancel := context.WithCancelCause(context.Background())
	p.cleanup(func() { cancel(nil) })
	return ctx, cancel
}

// request makes a request whose context ends with the case.
func (p *probe) request(method, url string, body io.ReadCloser) *http.Request {
	ctx, _ := p.context()
	return p.requestWith(ctx, method, url, body)
}

func (p *probe) requestWith(ctx context.Context, method, url string, body io.ReadCloser) *http.Request {
	var r io.Reader
	if body != nil {
		r = body
	}
	req, err := http.NewRequestWithContext(ctx, method, url, r)
	if err != nil {
		p.fatalf("making a request: %v", err)
	}
	if b, ok := body.(*Body); ok && b.Until == nil && b.Err == nil {
		req.ContentLength = int64(len(b.Text))
	}
	return req
}

// try calls RoundTrip and checks the rules for every outcome.
func (p *probe) try(rt http.RoundTripper, req *http.Request) (*http.Response, error) {
	p.step("RoundTrip of %s %s", req.Method, req.URL.Path)
	resp, err := rt.RoundTrip(req)
	switch {
	case resp == nil && err == nil:
		p.fatalf("RoundTrip returned neither a response nor an error")
	case resp != nil && err != nil:
		p.fatalf("RoundTrip returned a response (status %d) and an error: %v", resp.StatusCode, err)
	case resp != nil && resp.Body == nil:
		p.fatalf("the response's Body is nil")
	}
	p.step("after RoundTrip of %s %s returned", req.Method, req.URL.Path)
	return resp, err
}

// send is try where the base answers, so that a response must come.
func (p *probe) send(rt http.RoundTripper, req *http.Request) *http.Response {
	resp, err := p.try(rt, req)
	if err != nil {
		p.fatalf("RoundTrip returned an error though the base gave a response: %v", err)
	}
	return resp
}

// readAll reads and closes the body. It wants no error.
func (p *probe) readAll(resp *http.Response) string {
	p.step("reading the body to its end")
	data, err := io.ReadAll(resp.Body)
	if err != nil {
		p.errorf("reading the body: %v after %q", err, data)
	}
	p.close(resp)
	return string(data)
}

func (p *probe) close(resp *http.Response) {
	p.step("Body.Close")
	if err := resp.Body.Close(); err != nil {
		p.errorf("Body.Close: %v", err)
	}
	p.step("after Body.Close")
}

// serve starts a server that ends with the case, and wraps a transport to it.
func (p *probe) serve(o testserver.Options, h http.HandlerFunc) (*testserver.Server, http.RoundTripper) {
	srv := testserver.New(h, o)
	p.cleanup(srv.Close)
	return srv, p.real(srv.Transport())
}

// real wraps an http.Transport whose connections end with the case.
func (p *probe) real(base *http.Transport) http.RoundTripper {
	p.cleanup(base.CloseIdleConnections)
	rt := p.wrap(base)
	p.cleanup(func() { chain.CloseIdle(rt) })
	return rt
}

// overSockets runs f over each protocol.
func (p *probe) overSockets(h http.HandlerFunc, f func(rt http.RoundTripper, url string)) {
	for _, v := range protocols {
		p.in(v.name)
		srv, rt := p.serve(v.opts, h)
		f(rt, srv.URL)
	}
}

var protocols = []struct {
	name string
	opts testserver.Options
}{
	{"HTTP/1", testserver.Options{}},
	{"HTTP/2", testserver.Options{HTTP2: true}},
}
