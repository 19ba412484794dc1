// Package chain walks a stack of http.RoundTrippers, the kit's and foreign ones, and makes
// façades: an *http.Transport in front of a stack, for SDKs that take nothing else.
package chain

import "net/http"

// Unwrap returns the layer below rt, or nil at the bottom. It knows the two
// names that are in use for it, Unwrap and Kubernetes' WrappedRoundTripper,
// and sees through a façade.
func Unwrap(rt http.RoundTripper) http.RoundTripper {
	switch rt := rt.(type) {
	case *http.Transport:
		return behindFacade(rt)
	case interface{ Unwrap() http.RoundTripper }:
		return rt.Unwrap()
	case interface{ WrappedRoundTripper() http.RoundTripper }:
		return rt.WrappedRoundTripper()
	}
	return nil
}

// maxDepth ends a walk over a chain that is a circle.
const maxDepth = 100

// Walk calls f for rt and each layer below it until f returns false.
func Walk(rt http.RoundTripper, f func(http.RoundTripper) bool) {
	for range maxDepth {
		if rt == nil || !f(rt) {
			return
		}
		rt = Unwrap(rt)
	}
}

// CloseIdle calls CloseIdleConnections of the first layer, from rt down, that has it. It
// reports whether one has.
func CloseIdle(rt http.RoundTripper) (ok bool) {
	Walk(rt, func(rt http.RoundTripper) bool {
		var c interface{ CloseIdleConnections() }
		if c, ok = rt.(interface{ CloseIdleConnections() }); ok {
			c.CloseIdleConnections()
		}
		return !ok
	})
	return ok
}

// Bottom returns the last layer that can be reached from rt.
func Bottom(rt http.RoundTripper) http.RoundTripper {
	Walk(rt, func(x http.RoundTripper) bool { rt = x; return true })
	return rt
}
