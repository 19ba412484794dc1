package roundtripper

import "net/http"

// Middleware puts a layer over next. A nil next means http.DefaultTransport for
// every Middleware of this module.
type Middleware func(next http.RoundTripper) http.RoundTripper

// Func is an http.RoundTripper made of a function: a base for tests, or one
// that is no http.Transport. It has nothing below it; for a layer that calls
// another RoundTripper use Layer.
type Func func(*http.Request) (*http.Response, error)

// RoundTrip calls f.
func (f Func) RoundTrip(req *http.Request) (*http.Response, error) { return f(req) }

// Layer returns a layer over next whose RoundTrip is f, which should call
// next's. It is honest about next: Unwrap and WrappedRoundTripper return it,
// and CloseIdleConnections reaches it. A nil next is http.DefaultTransport; it
// is then what Unwrap returns. A nil f only passes requests on.
func Layer(next http.RoundTripper, f func(*http.Request) (*http.Response, error)) http.RoundTripper {
	if next == nil {
		next = http.DefaultTransport
	}
	if f == nil {
		f = next.RoundTrip
	}
	return &layer{Inner{next}, f}
}

type layer struct {
	Inner
	f func(*http.Request) (*http.Response, error)
}

func (l *layer) RoundTrip(req *http.Request) (*http.Response, error) { return l.f(req) }

// Chain makes one Middleware of several. The first is the outermost: it sees a
// request first and its response last. Nil entries are skipped.
func Chain(mw ...Middleware) Middleware {
	return func(next http.RoundTripper) http.RoundTripper {
		if next == nil {
			next = http.DefaultTransport
		}
		rt := next
		for i := len(mw) - 1; i >= 0; i-- {
			if mw[i] != nil {
				rt = mw[i](rt)
			}
		}
		return rt
	}
}

// Wrap puts the layers over base, the first of them outermost. A nil base is
// http.DefaultTransport.
func Wrap(base http.RoundTripper, mw ...Middleware) http.RoundTripper {
	return Chain(mw...)(base)
}

// Client returns a copy of c whose Transport is wrapped. C itself is never
// changed, and goes on without the layers. A nil c is a new http.Client.
//
// Wrap a client once it is configured: changes of its transport later
// may not be seen.
func Client(c *http.Client, mw ...Middleware) *http.Client {
	var out http.Client
	if c != nil {
		out = *c
	}
	out.Transport = Wrap(out.Transport, mw...)
	return &out
}
