package roundtrippertest

import (
	"errors"
	"io"
	"net/http"
	"strings"
)

var errBase = errors.New("the base failed")

// statuses are the codes that tempt a middleware to interpret them.
var statuses = []int{200, 204, 301, 304, 307, 400, 401, 404, 407, 429, 500, 502, 503}

func responseOrError(p *probe) {
	for _, status := range statuses {
		base := &Transport{Status: status, Header: http.Header{"Location": {"/elsewhere"}, "X-Base": {"1"}}}
		if status != 204 && status != 304 {
			base.Body = text("x")
		}
		resp := p.send(p.wrap(base), p.request("GET", scripted, nil))
		if resp.StatusCode != status || resp.Header.Get("X-Base") != "1" {
			p.errorf("the base answered %d, the caller got %d with the header %v", status, resp.StatusCode, resp.Header)
		}
		p.readAll(resp)
	}
}

func baseError(p *probe) {
	if resp, err := p.try(p.wrap(&Transport{Err: errBase}), p.request("GET", scripted, nil)); err == nil {
		p.errorf("the base failed, and the caller got a response with status %d", resp.StatusCode)
	} else if !errors.Is(err, errBase) {
		p.errorf("the base's error %q came back as %q, and errors.Is does not find it", errBase, err)
	}
	if resp, err := p.try(p.real(noDial()), p.request("GET", scripted, nil)); err == nil {
		p.errorf("the dial failed, and the caller got a response with status %d", resp.StatusCode)
	} else if !errors.Is(err, errDial) {
		p.errorf("the dial's error %q came back as %q, and errors.Is does not find it", errDial, err)
	}
}

// responseRequest: code that reads resp.Request.Context() later, such as redirects and logs,
// must not find the request cancelled.
func responseRequest(p *probe) {
	look := func(resp *http.Response, when string) {
		if resp.Request == nil {
			p.fatalf("%s: resp.Request is nil", when)
		}
		if err := resp.Request.Context().Err(); err != nil {
			p.fatalf("%s: the context of resp.Request is done, the caller's is not: %v", when, err)
		}
	}
	exchange := func(rt http.RoundTripper, url string) {
		resp := p.send(rt, p.request("GET", url, nil))
		look(resp, "when RoundTrip has returned")
		p.readAll(resp)
		look(resp, "when the body is closed")
	}
	exchange(p.wrap(&Transport{}), scripted)
	exchange(p.wrap(&Transport{Body: text("x")}), scripted)
	p.overSockets(func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "x") }, exchange)
}

func bodyContent(p *probe) {
	const n = 64 << 10
	long := strings.Repeat("0123456789abcdef", n/16)
	resp := p.send(p.wrap(&Transport{Body: func(req *http.Request) io.ReadCloser {
		return &bound{&Body{Text: long}, req}
	}}), p.request("GET", scripted, nil))
	if got := p.readAll(resp); got != long {
		p.errorf("%d bytes came of %d, or others", len(got), n)
	}

	broken := &Body{Text: "x", Err: errBase}
	resp = p.send(p.wrap(&Transport{Body: func(*http.Request) io.ReadCloser { return broken }}), p.request("GET", scripted, nil))
	if data, err := io.ReadAll(resp.Body); string(data) != "x" || !errors.Is(err, errBase) {
		p.errorf("of a body that fails after %q came %q and the error %v, want the body's own: %v", "x", data, err, errBase)
	}
	resp.Body.Close()

	p.overSockets(func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, long) }, func(rt http.RoundTripper, url string) {
		if got := p.readAll(p.send(rt, p.request("GET", url, nil))); got != long {
			p.errorf("%d bytes came of %d, or others", len(got), n)
		}
	})
}

// bodyStreams hangs if the middleware waits for more than was sent.
func bodyStreams(p *probe) {
	ctx, cancel := p.context()
	body := &Body{Text: "first", Until: ctx.Done()}
	p.step("RoundTrip, while the body has not come to its end")
	resp, err := p.wrap(&Transport{Body: func(*http.Request) io.ReadCloser { return body }}).RoundTrip(p.request("GET", scripted, nil))
	if err != nil {
		p.fatalf("RoundTrip returned an error though the base gave a response: %v", err)
	}
	p.step("reading what is there of the body, while it has not come to its end")
	got := make([]byte, len(body.Text))
	if _, err := io.ReadFull(resp.Body, got); err != nil || string(got) != body.Text {
		p.errorf("read %q, %v; want %q", got, err, body.Text)
	}
	cancel(nil)
	p.readAll(resp)
}

func bodyClosed(p *probe) {
	for _, read := range []int64{0, 2, 5, 6} {
		for _, base := range []*Transport{{}, {Status: 500}} {
			body := &Body{Text: "hello"}
			base.Body = func(*http.Request) io.ReadCloser { return body }
			resp := p.send(p.wrap(base), p.request("GET", scripted, nil))
			io.CopyN(io.Discard, resp.Body, read) // 6 is up to EOF
			p.close(resp)
			if n := body.Closes(); n != 1 {
				p.errorf("the caller closed the body once, after %d of 5 bytes; the base's body was closed %d times", min(read, 5), n)
			}
		}
	}
}

func readAfterClose(p *probe) {
	resp := p.send(p.wrap(&Transport{Body: text("hello")}), p.request("GET", scripted, nil))
	p.close(resp)
	if n, err := resp.Body.Read(make([]byte, 1)); n > 0 || err == nil || err == io.EOF {
		p.errorf("Read after Close returned %d bytes and %v, want an error that is not io.EOF", n, err)
	}
	p.step("a second Body.Close")
	resp.Body.Close()
}

func responseNoBody(p *probe) {
	for _, status := range []int{200, 204, 304, 404} {
		for _, method := range []string{"GET", "HEAD", "POST"} {
			resp := p.send(p.wrap(&Transport{Status: status}), p.request(method, scripted, nil))
			if resp.Body != http.NoBody {
				p.errorf("%s, %d: the base's body was http.NoBody, the caller got %T", method, status, resp.Body)
			}
			resp.Body.Close()
		}
	}
}
