package roundtripper

import (
	"fmt"
	"net/http"
	"strings"

	"github.com/warmconn/warmconn/internal/chain"
	"github.com/warmconn/warmconn/internal/stack"
)

// Inner makes a middleware of one's own honest by being embedded in it: it can
// be unwrapped, under both names that are in use, and CloseIdleConnections gets
// through. The RoundTrip that it brings along passes requests on unchanged.
//
//	type signer struct {
//		roundtripper.Inner
//		key []byte
//	}
//
//	func (s signer) RoundTrip(req *http.Request) (*http.Response, error) {
//		return s.Inner.RoundTrip(sign(req, s.key))
//	}
type Inner struct{ http.RoundTripper }

// Unwrap returns the RoundTripper below.
func (i Inner) Unwrap() http.RoundTripper { return i.RoundTripper }

// WrappedRoundTripper is Unwrap under the name that Kubernetes looks for.
func (i Inner) WrappedRoundTripper() http.RoundTripper { return i.RoundTripper }

// CloseIdleConnections calls the first method of that name from the
// RoundTripper below on down.
func (i Inner) CloseIdleConnections() { chain.CloseIdle(i.RoundTripper) }

// Unwrap returns the layer below rt, or nil at the bottom. It asks for the
// methods Unwrap and WrappedRoundTripper, and sees through a Facade and a FacadeOf to
// the stack behind it.
func Unwrap(rt http.RoundTripper) http.RoundTripper { return chain.Unwrap(rt) }

// As returns the first layer from rt on down that is a T.
//
//	t, ok := roundtripper.As[*http.Transport](client.Transport)
//
// The layer may be in use: a transport must not be changed any more.
func As[T any](rt http.RoundTripper) (T, bool) {
	var found T
	ok := false
	chain.Walk(rt, func(rt http.RoundTripper) bool {
		if t, is := rt.(*http.Transport); is && chain.IsFacade(t) {
			// A façade is no transport: nothing is sent through it.
			return true
		}
		found, ok = any(rt).(T)
		return !ok
	})
	return found, ok
}

// CloseIdleConnections closes the connections that are idle below rt. It does
// nothing if no layer from rt on down has a method of that name.
func CloseIdleConnections(rt http.RoundTripper) { chain.CloseIdle(rt) }

// Describe returns the chain from rt down to its base, one line for each
// layer: what those of this module do, and whether pool owns the connections
// or only counts requests; for others their type.
func Describe(rt http.RoundTripper) string {
	var b strings.Builder
	chain.Walk(rt, func(rt http.RoundTripper) bool {
		switch rt := rt.(type) {
		case *stack.Stack:
			b.WriteString(rt.String())
		case *http.Transport:
			if chain.IsFacade(rt) {
				b.WriteString(chain.DescribeFacade(rt))
			} else {
				b.WriteString("*http.Transport")
			}
		default:
			fmt.Fprintf(&b, "%T", rt)
		}
		b.WriteByte('\n')
		return true
	})
	return b.String()
}
