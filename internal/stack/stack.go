package stack

import (
	"net/http"
	"runtime"

	"github.com/warmconn/warmconn/internal/chain"
)

// Stack is one layer of the kit over what is below it. Layers that stand right
// on each other run as one: the outermost opens one exchange for all of them.
// Layers on two sides of foreign middleware each have their own, and
// the outer one learns from the inner: see nested.go.
type Stack struct {
	layer Layer
	next  http.RoundTripper
	base  http.RoundTripper // what is below the innermost of the adjacent layers
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

// String is the layer's own line.
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

// OwnsConnections reports whether a stack from rt on down owns its connections, as far as
// rt can be looked through.
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
	if x.owned() {
		resp, err = x.acquireAndSend()
	} else {
		resp, err = x.sendBy(s.base)
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
