package warmconn

import (
	"context"
	"net/http"

	"github.com/warmconn/warmconn/drain"
	"github.com/warmconn/warmconn/pool"
	"github.com/warmconn/warmconn/roundtripper"
	"github.com/warmconn/warmconn/trace"
)

// Options configures a Kit. The zero value is right for an SDK: nothing is limited, and
// spans and metrics go to the program's global providers, which do nothing until it sets
// them.
type Options struct {
	// Drain, Pool and Trace are the layers' own options.
	Drain drain.Options
	Pool  pool.Options
	Trace trace.Options

	// Annotate is Trace.Annotate, which may be set in its place: the kit makes no span, and
	// what it knows goes onto the one that the request's context has, otelhttp's for
	// example.
	Annotate bool
	// OnWarning is Pool.OnWarning, if that is nil: it is told where a chain keeps the kit
	// from what it is for.
	OnWarning func(pool.Warning)
}

// Kit is the layers of this module, made for each other. It is safe for concurrent use.
// The fields are for programs that tune or ask a layer; they must not be changed. Use New.
type Kit struct {
	Tracer  *trace.Tracer
	Drainer *drain.Drainer
	Pool    *pool.Pool
}

// New returns a Kit. Until Shutdown it has no goroutine of its own that outlives the
// requests, connections and idle times that need it; a Kit that is dropped with its clients
// leaves nothing behind.
func New(o Options) *Kit {
	o.Trace.Annotate = o.Trace.Annotate || o.Annotate
	if o.Pool.OnWarning == nil {
		o.Pool.OnWarning = o.OnWarning
	}
	return &Kit{Tracer: trace.New(o.Trace), Drainer: drain.New(o.Drain), Pool: pool.New(o.Pool)}
}

// Middleware puts the kit over next: trace, drain and pool, from the outside in. A nil next
// is http.DefaultTransport. Kit.Middleware is a roundtripper.Middleware, for a Chain.
func (k *Kit) Middleware(next http.RoundTripper) http.RoundTripper {
	return roundtripper.Wrap(next, k.Tracer.Middleware, k.Drainer.Middleware, k.Pool.Middleware)
}

// Wrap is Middleware under roundtripper's name for it: the kit over base, for an SDK that
// takes an http.RoundTripper.
func (k *Kit) Wrap(base http.RoundTripper) http.RoundTripper { return k.Middleware(base) }

// Client returns a copy of c whose Transport is wrapped; c is never changed, and a nil c is
// a new http.Client. Its Timeout, Jar and CheckRedirect act as before. Configure a client
// first and wrap it last. Where c's Transport is a middleware of somebody else's, the kit
// stands outside of it: see Base.
func (k *Kit) Client(c *http.Client) *http.Client {
	return roundtripper.Client(c, k.Middleware)
}

// Base returns the kit over http.DefaultTransport's settings, for a middleware to wrap:
//
//	otelhttp.NewTransport(kit.Base())
//
// The connections are the Kit's own: all calls and clients of a Kit share them, and other
// users of http.DefaultTransport do not.
func (k *Kit) Base() http.RoundTripper { return k.Middleware(nil) }

// Stats is Pool.Stats: what became of requests and connections so far, in all and by host.
func (k *Kit) Stats() pool.Stats { return k.Pool.Stats() }

// Shutdown refuses new requests with pool.ErrClosed, closes idle connections, and waits
// for the requests in flight and their connections: see Pool.Shutdown. When ctx ends
// before that it returns ctx's error, and what is left ends by itself. Drains that go on in
// the background are broken off at the end. It flushes no TracerProvider: that is the
// program's.
func (k *Kit) Shutdown(ctx context.Context) error {
	defer k.Drainer.Close()
	return k.Pool.Shutdown(ctx)
}
