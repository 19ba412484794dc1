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
// them. An SDK puts it into its own options.
type Options struct {
	// Drain, Pool and Trace are the layers' own options.
	Drain drain.Options
	Pool  pool.Options
	Trace trace.Options

	// Annotate is Trace.Annotate, which may be set in its place: the kit makes no span, and
	// what it knows goes onto the one that the request's context has, otelhttp's for
	// example. False means a span of the kit's own for each exchange.
	Annotate bool
	// OnWarning is Pool.OnWarning, which wins where both are set: it is told once where a
	// chain keeps the kit from what it is for, a Kit that stands outside of otelhttp for
	// example. It must be safe for concurrent use. Nil means that only
	// roundtripper.Describe says so.
	OnWarning func(pool.Warning)
}

// Kit is the layers of this module, made for each other. It is safe for concurrent use.
// The fields are for programs that tune or ask a layer; they must not be changed. Use New.
type Kit struct {
	Tracer  *trace.Tracer
	Drainer *drain.Drainer
	Pool    *pool.Pool
}

// New returns a Kit: make one for a program, or for each client of an SDK. Shutdown ends
// it, and need not be called. Without it a Kit in use keeps idle connections for as long as
// Pool.IdleTimeout says, and one that is dropped with its clients leaves nothing behind,
// neither a connection nor a goroutine, once the collector has run.
func New(o Options) *Kit {
	o.Trace.Annotate = o.Trace.Annotate || o.Annotate
	if o.Pool.OnWarning == nil {
		o.Pool.OnWarning = o.OnWarning
	}
	return &Kit{Tracer: trace.New(o.Trace), Drainer: drain.New(o.Drain), Pool: pool.New(o.Pool)}
}

// Middleware puts the kit over next: trace, drain and pool, from the outside in. A nil next
// is http.DefaultTransport, and one that the Kit is on already comes back as it is.
// Kit.Middleware is a roundtripper.Middleware, for a Chain with layers of one's own.
func (k *Kit) Middleware(next http.RoundTripper) http.RoundTripper {
	return roundtripper.Wrap(next, k.Tracer.Middleware, k.Drainer.Middleware, k.Pool.Middleware)
}

// Wrap is Middleware under roundtripper's name for it: the kit over base, for an SDK that
// takes an http.RoundTripper. Configure a transport first and wrap it last.
func (k *Kit) Wrap(base http.RoundTripper) http.RoundTripper { return k.Middleware(base) }

// Client returns a copy of c whose Transport is wrapped; c is never changed, and a nil c is
// a new http.Client. Configure a client first and wrap it last. Where c's Transport is a
// middleware of somebody else's, the kit stands outside of it: see Base.
//
// The copy's Jar and CheckRedirect act as before. So does its Timeout: it bounds a call with
// its redirects until the end of the last body, and the wait in the pool's queue as well. A body
// that it cuts off costs an HTTP/1 connection, and the next one is new for timeout.
func (k *Kit) Client(c *http.Client) *http.Client {
	return roundtripper.Client(c, k.Middleware)
}

// Base returns the kit over http.DefaultTransport, by a private clone of it, for a
// middleware to wrap:
//
//	otelhttp.NewTransport(kit.Base())
//
// It is Wrap(nil); a transport with settings of its own takes Wrap in its place. All calls and
// clients of a Kit share the clone's connections; other users of http.DefaultTransport do
// not. Most middlewares do not pass http.Client's CloseIdleConnections on:
// Kit.Pool.CloseIdleConnections does it for them.
func (k *Kit) Base() http.RoundTripper { return k.Middleware(nil) }

// Stats is Pool.Stats: what became of requests and connections so far, in all and by host.
func (k *Kit) Stats() pool.Stats { return k.Pool.Stats() }

// Shutdown refuses new requests with pool.ErrClosed, those that wait in a queue too; closes
// idle connections; breaks off drains in the background; and waits for the requests in
// flight and their connections. When ctx ends before that it returns ctx's error, and what
// is left ends by itself: see Pool.Shutdown. It may be called more than once.
//
// It neither flushes nor shuts down a TracerProvider or MeterProvider, which are the
// program's: do that afterwards, so that the last spans are there.
func (k *Kit) Shutdown(ctx context.Context) error {
	k.Drainer.Close()
	return k.Pool.Shutdown(ctx)
}
