// Package stub is a base that answers at once, for benchmarks: over it they measure the
// layers' own cost.
package stub

import (
	"io"
	"net/http"
	"net/http/httptrace"
	"strings"
)

const text = "hello, world"

// Transport answers every request with 200 and a short body. It allocates the
// response and its body and nothing else.
type Transport struct {
	// Looks has it look for httptrace's hooks and for the end of the context, as
	// net/http does, and call none.
	Looks bool
}

// RoundTrip implements http.RoundTripper.
func (t Transport) RoundTrip(req *http.Request) (*http.Response, error) {
	if t.Looks {
		httptrace.ContextClientTrace(req.Context())
		req.Context().Done()
	}
	r := &response{}
	r.body.Reader.Reset(text)
	r.Response = http.Response{
		Status: "200 OK", StatusCode: 200, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: header, ContentLength: int64(len(text)), Body: &r.body, Request: req,
	}
	return &r.Response, nil
}

// header is shared: benchmarks must not change a response's header.
var header = http.Header{"Content-Type": {"text/plain"}}

type response struct {
	http.Response
	body body
}

type body struct{ strings.Reader }

func (*body) Close() error { return nil }

// Do sends req through rt and reads its body to the end.
func Do(rt http.RoundTripper, req *http.Request) error {
	resp, err := rt.RoundTrip(req)
	if err != nil {
		return err
	}
	if _, err := io.Copy(io.Discard, resp.Body); err != nil {
		return err
	}
	return resp.Body.Close()
}
