// Package roundtripper chains http.RoundTripper layers onto any http.Client,
// and tells of every exchange what became of its connection.
//
//	client = roundtripper.Client(client,
//		trace.New(trace.Options{}).Middleware, // outermost
//		drain.New(drain.Options{}).Middleware,
//		pool.New(pool.Options{}).Middleware,   // next to the transport
//	)
//
// Package warmconn does that in one line.
//
// A request goes down through the layers in that order and its response comes
// back up:
//
//	client → trace → drain → pool → http.Transport
//	           │        │       │
//	     span ends  rest read  slot given back     when the body has ended
//
// # What it changes
//
// Nothing that it is handed: Client returns a copy, and the request that goes
// down is a copy, with a derived context where one is needed. The caller's response is a copy of the
// transport's, with its Body wrapped. A response without a body keeps
// http.NoBody; that of a 101 keeps the transport's own body, which can be
// written to.
//
// # Where layers stand
//
// The first Middleware of a Chain is the outermost. Layers of this module that
// stand directly on each other run as one: any number of them shares one exchange, one
// context and one body wrapper.
//
// Foreign middlewares may stand between them, and an SDK may have a stack of its own below
// an application's. Then each side has an exchange of its own and does its own work: both
// pools enforce their limits, the smaller drain budget wins. The outer side takes over the
// facts that the inner one knows better, of the connection, the queues and the drain, if the
// exchange below is its own: the same method, host and path, under a context derived from the
// one that came down. A token that is fetched on the way is not. Of a retrier's attempts the
// last one counts; of a hedger's, which are at the same time, it is not known which counts,
// and LostReason is unknown. Give such middlewares the methods of Inner, so that
// CloseIdleConnections gets through. Tracing goes below a retrier, so that each attempt has
// its own span.
//
// # When a request is finished
//
// When the response's body has come to EOF, was closed or failed; at once if
// there is none, or at a 101; when RoundTrip returns an error; or when the
// collector finds that no code can read or close the body any more. Then, in
// this order and wherever the layers stand, the body is drained, the slot is
// given back, the span ends, and observers are told. That happens once.
//
// # What it costs
//
// BenchmarkObserve in this package and those of the other layers print it,
// next to the same request without any layer.
package roundtripper
