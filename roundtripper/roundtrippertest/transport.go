package roundtrippertest

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"slices"
	"sync"
)

// Transport is a base that answers by script and remembers its requests, for tests of
// middleware that need no network. It keeps to the contract of http.RoundTripper itself: it
// closes request bodies, returns when the request's context is done, and changes no request.
//
// The zero value answers every request with 200 and http.NoBody. The exported
// fields must not be changed once it is in use; its methods are safe for
// concurrent use.
type Transport struct {
	// Status is the status code of the responses. Zero means 200.
	Status int
	// Header is copied into each response. Nil means an empty header.
	Header http.Header
	// Body makes the body of a response. Nil, or a nil body, means http.NoBody.
	// A response with another body has no length and is chunked, but for a 101
	// and the answer to a CONNECT, whose body is a tunnel.
	Body func(*http.Request) io.ReadCloser
	// Err, if not nil, is returned in place of a response.
	Err error
	// Until, if not nil, makes RoundTrip hang until it is closed or the
	// request's context is done.
	Until <-chan struct{}
	// Answer, if not nil, is asked for the answer in place of Status, Header,
	// Body and Err. The request's body is read and closed by then.
	Answer func(*http.Request) (*http.Response, error)

	mu    sync.Mutex
	calls []Call
	idle  int
}

// Call is one call of Transport.RoundTrip.
type Call struct {
	// Request is the request as it arrived, with its Body closed.
	Request *http.Request
	// Body holds the bytes read of its Body.
	Body string
}

// RoundTrip implements http.RoundTripper. It reads the request's body, unless it
// is to answer with Err, and closes it once.
func (t *Transport) RoundTrip(req *http.Request) (*http.Response, error) {
	body, err := t.consume(req)
	t.mu.Lock()
	t.calls = append(t.calls, Call{req, body})
	t.mu.Unlock()
	ctx := req.Context()
	if t.Until != nil && ctx.Err() == nil {
		select {
		case <-t.Until:
		case <-ctx.Done():
		}
	}
	switch {
	case ctx.Err() != nil:
		return nil, context.Cause(ctx)
	case err != nil:
		return nil, err
	case t.Answer != nil:
		return t.Answer(req)
	case t.Err != nil:
		return nil, t.Err
	}
	return t.response(req), nil
}

func (t *Transport) consume(req *http.Request) (string, error) {
	if req.Body == nil {
		return "", nil
	}
	var once sync.Once
	closeBody := func() { once.Do(func() { req.Body.Close() }) }
	defer closeBody()
	// A body that is still being written may hang.
	defer context.AfterFunc(req.Context(), closeBody)()
	if t.Err != nil && t.Answer == nil || req.Context().Err() != nil {
		return "", nil
	}
	data, err := io.ReadAll(req.Body)
	return string(data), err
}

func (t *Transport) response(req *http.Request) *http.Response {
	resp := &http.Response{
		StatusCode: t.Status,
		Proto:      "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header:  t.Header.Clone(),
		Body:    http.NoBody,
		Request: req,
	}
	if resp.StatusCode == 0 {
		resp.StatusCode = http.StatusOK
	}
	resp.Status = fmt.Sprint(resp.StatusCode, " ", http.StatusText(resp.StatusCode))
	if resp.Header == nil {
		resp.Header = make(http.Header)
	}
	if t.Body == nil {
		return resp
	}
	if b := t.Body(req); b != nil && b != http.NoBody {
		resp.Body, resp.ContentLength = b, -1
		if resp.StatusCode != http.StatusSwitchingProtocols && req.Method != http.MethodConnect {
			resp.TransferEncoding = []string{"chunked"}
		}
	}
	return resp
}

// CloseIdleConnections counts its calls.
func (t *Transport) CloseIdleConnections() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.idle++
}

// Calls returns the calls of RoundTrip so far, in order.
func (t *Transport) Calls() []Call {
	t.mu.Lock()
	defer t.mu.Unlock()
	return slices.Clone(t.calls)
}

// IdleCloses returns how often CloseIdleConnections was called.
func (t *Transport) IdleCloses() int {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.idle
}
