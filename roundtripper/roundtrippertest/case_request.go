package roundtrippertest

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"reflect"
	"strings"
)

// untouched sends requests with fields of all kinds. Changed compares a request with the
// snapshot of its making: while the base has it, when RoundTrip has returned, and when the
// body is closed. Each difference is reported.
func (p *probe) untouched(changed func(made snapshot, req *http.Request) string) {
	for _, fail := range []bool{false, true} {
		req := p.request("POST", scripted+"p%2Fq/r?a=1&b=2#frag", &Body{Text: "hello"})
		req.URL.User = url.UserPassword("user", "secret")
		req.Header = http.Header{"X-Values": {"a", "b"}, "X-Empty": nil, "x-as-is": {"c"}, "Accept-Encoding": {"br"}}
		req.Trailer = http.Header{"X-Trailer": {"d"}}
		req.GetBody = func() (io.ReadCloser, error) { return &Body{Text: "hello"}, nil }
		made := snap(req)
		look := func(when string) {
			if diff := changed(made, req); diff != "" {
				p.errorf("%s: %s", when, diff)
			}
		}
		base := &Transport{}
		base.Answer = func(got *http.Request) (*http.Response, error) {
			look("while the base has the request")
			if fail {
				return nil, errors.New("the base failed")
			}
			return (&Transport{Body: text("x")}).response(got), nil
		}
		resp, err := p.try(p.wrap(base), req)
		look("when RoundTrip has returned")
		if err == nil {
			p.readAll(resp)
			look("when the response's body is closed")
		}
	}
}

// text makes bodies of s.
func text(s string) func(*http.Request) io.ReadCloser {
	return func(*http.Request) io.ReadCloser { return &Body{Text: s} }
}

// snapshot is a request as it was made.
type snapshot struct {
	fields  map[string]any // comparable
	urlAt   *url.URL
	url     url.URL
	header  http.Header
	trailer http.Header
}

func snap(req *http.Request) snapshot {
	return snapshot{fields(req), req.URL, *req.URL, req.Header.Clone(), req.Trailer.Clone()}
}

func fields(req *http.Request) map[string]any {
	return map[string]any{
		"Method":           req.Method,
		"Proto":            req.Proto,
		"Body":             req.Body,
		"GetBody":          reflect.ValueOf(req.GetBody).Pointer(),
		"ContentLength":    req.ContentLength,
		"TransferEncoding": strings.Join(req.TransferEncoding, ","),
		"Close":            req.Close,
		"Host":             req.Host,
		"RequestURI":       req.RequestURI,
		"Pattern":          req.Pattern,
		"Context":          req.Context(),
	}
}

func requestHeader(p *probe) {
	p.untouched(func(made snapshot, req *http.Request) string {
		if !reflect.DeepEqual(made.header, req.Header) {
			return fmt.Sprintf("the caller's Header has become %v, it was %v", req.Header, made.header)
		}
		return ""
	})
}

func requestURL(p *probe) {
	p.untouched(func(made snapshot, req *http.Request) string {
		switch {
		case req.URL != made.urlAt:
			return fmt.Sprintf("the caller's URL was replaced, by %v", req.URL)
		case *req.URL != made.url:
			return fmt.Sprintf("the caller's URL has become %v, it was %v", req.URL, &made.url)
		}
		return ""
	})
}

func requestFields(p *probe) {
	p.untouched(func(made snapshot, req *http.Request) string {
		now := fields(req)
		for name, was := range made.fields {
			if now[name] != was {
				return fmt.Sprintf("the caller's request has %s %v, it was %v", name, now[name], was)
			}
		}
		if !reflect.DeepEqual(made.trailer, req.Trailer) {
			return fmt.Sprintf("the caller's Trailer has become %v, it was %v", req.Trailer, made.trailer)
		}
		return ""
	})
}

func requestBodyArrives(p *probe) {
	base := &Transport{}
	rt := p.wrap(base)
	p.send(rt, p.request("POST", scripted, &Body{Text: "hello"})).Body.Close()
	calls := base.Calls()
	if len(calls) == 0 {
		p.fatalf("the base was not called")
	}
	if last := calls[len(calls)-1]; last.Request.Method != "POST" || last.Body != "hello" {
		p.errorf("the base got a %s with the body %q, want POST and %q", last.Request.Method, last.Body, "hello")
	}
}

// requestNoBody: a wrapped http.NoBody would be sent chunked, or probed for.
func requestNoBody(p *probe) {
	for _, body := range []io.ReadCloser{nil, http.NoBody} {
		base := &Transport{}
		rt := p.wrap(base)
		p.send(rt, p.request("GET", scripted, body)).Body.Close()
		for _, c := range base.Calls() {
			if b := c.Request.Body; b != nil && b != http.NoBody {
				p.errorf("the caller's request had the body %T, the base got %T", body, b)
			}
		}
	}
}
