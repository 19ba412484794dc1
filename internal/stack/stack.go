package stack

import (
	"net/http"
	"net/http/httptrace"
	"runtime"

	"github.com/warmconn/warmconn/internal/chain"
)

// Stack is one layer of the kit over the RoundTripper below it. Layers that stand right on
// each other run as one: the outermost opens one exchange for all of them. Layers on two
// sides of foreign middleware have an exchange each, and the outer exchange learns from the
// inner: see nested.go.
type Stack struct {
	layer Layer
	next  http.RoundTripper
	base  http.RoundTripper // below the innermost of the adjacent layers
	keep  any               // see Base
	why   string            // see Base
	pipe  *pipeline
}

// Unwrap returns the layer below.
func (s *Stack) Unwrap() http.RoundTripper { return s.next }

// WrappedRoundTripper is Unwrap under the name that Kubernetes looks for.
func (s *Stack) WrappedRoundTripper() http.RoundTripper { return s.next }

// CloseIdleConnections reaches the base.
func (s *Stack) CloseIdleConnections() {
	if s.pipe.owned != nil {
		s.pipe.owned.CloseIdleConnections()
	}
	if chain.CloseIdle(s.next) {
		s.pipe.ledger.CloseIdle()
	}
}

// String is the layer's line in roundtripper.Describe.
func (s *Stack) String() string {
	d := s.layer.Describe(s.pipe.ledger.Watch())
	if s.why != "" {
		d += ": " + s.why
	}
	if o, ok := s.layer.(OwnedDescriber); ok && s.pipe.owned != nil {
		d += o.DescribeOwned(s.pipe.owned)
	}
	return d
}

// OwnsConnections reports whether rt, or a stack below it, owns its connections, as far as rt
// can be looked through.
func OwnsConnections(rt http.RoundTripper) (owns bool) {
	chain.Walk(rt, func(rt http.RoundTripper) bool {
		s, ok := rt.(*Stack)
		owns = ok && s.pipe.owned != nil
		return !owns
	})
	return owns
}

// RoundTrip implements http.RoundTripper: an exchange is opened, its layers begin, the
// request is sent over a connection, and the response comes back as a Body that ends it.
func (s *Stack) RoundTrip(req *http.Request) (*http.Response, error) {
	x := open(s.pipe, req)
	returned := false
	defer func() {
		// A base that panics must not cost a slot.
		if !returned {
			x.finish(OutcomeFailed, errPanicked, nil)
		}
	}()
	if err := x.begin(); err != nil {
		returned = true
		return nil, x.refuse(err)
	}
	var resp *http.Response
	var err error
	if x.down.owned {
		resp, err = x.acquireAndSend()
	} else {
		resp, err = s.base.RoundTrip(x.derive())
	}
	if err != nil || resp == nil {
		returned = true
		x.fail(err)
		runtime.KeepAlive(s)
		return resp, err
	}
	resp = x.respond(s, resp)
	returned = true
	return resp, nil
}

// acquireAndSend sends the request over a connection of the kit's own.
func (x *Exchange) acquireAndSend() (*http.Response, error) {
	x.entry.Owner, x.entry.Close = (*owner)(x), x.request.close
	known := x.request.target.owned.Load()
	h := x.pipe.owned.Enter(&x.entry, x.request.target.Key, known)
	if h != known {
		x.request.target.owned.Store(h)
	}
	if x.pipe.gzips != nil && !h.SpeaksHTTP2() {
		x.askGzip() // over HTTP/2 nothing is drained, and net/http may do it
	}
	if x.nest.outer != nil {
		x.publish()
	}
	x.down.req = *x.request.orig
	if x.request.header != nil {
		x.down.req.Header = x.request.header
	}
	var hooks *httptrace.ClientTrace
	if x.wire.wrote = !x.request.hasBody || !x.pipe.drains; !x.wire.wrote {
		hooks = x.writingHooks()
	}
	return x.entry.RoundTrip(x.request.ctx, &x.down.req, hooks)
}

// writingHooks tell when a request with a body was written, in a stack that drains:
// reading to the end of a response before that takes net/http 50 ms.
func (x *Exchange) writingHooks() *httptrace.ClientTrace {
	t := new(httptrace.ClientTrace)
	if above := httptrace.ContextClientTrace(x.request.ctx); above != nil {
		*t = *above
		x.down.hooks = above
	}
	t.WroteRequest = x.wroteRequest
	return t
}
