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

	// Annotate sets Trace.Annotate: the kit makes no span, and puts the connection's facts
	// onto the span that the request's context has, otelhttp's for example. False means a
	// span of the kit's own for each exchange, unless Trace.Annotate is set.
	Annotate bool
	// OnWarning is Pool.OnWarning, which goes first if both are set. It is told once for
	// each chain in which the kit can't do its work, a Kit outside of otelhttp for example.
	// It must be safe for concurrent use. Nil means that only roundtripper.Describe says so.
	OnWarning func(pool.Warning)
}

// Kit is the layers of this module, made for each other. It is safe for concurrent use.
// The fields are for programs that call a layer's own methods; they must not be changed. Use
// New.
type Kit struct {
	Tracer  *trace.Tracer
	Drainer *drain.Drainer
	Pool    *pool.Pool
}

// New returns a Kit: make one for a program, or for each client of an SDK. Shutdown ends
// it, and need not be called: idle connections are closed after Pool.IdleTimeout, and once
// the collector has run, a Kit that was dropped with its clients has left nothing behind,
// neither a connection nor a goroutine.
func New(o Options) *Kit {
	o.Trace.Annotate = o.Trace.Annotate || o.Annotate
	if o.Pool.OnWarning == nil {
		o.Pool.OnWarning = o.OnWarning
	}
	return &Kit{Tracer: trace.New(o.Trace), Drainer: drain.New(o.Drain), Pool: pool.New(o.Pool)}
}

// Middleware puts the kit over next: trace, drain and pool, from the outside in. A nil next
// is http.DefaultTransport. A next that has this Kit on it already is returned unchanged.
// Kit.Middleware is a roundtripper.Middleware, for a Chain with layers of one's own.
func (k *Kit) Middleware(next http.RoundTripper) http.RoundTripper {
	return roundtripper.Wrap(next, k.Tracer.Middleware, k.Drainer.Middleware, k.Pool.Middleware)
}

// Wrap is Middleware by another name, which roundtripper has for it, too: for an SDK that
// takes an http.RoundTripper. Configure a transport first and wrap it last.
func (k *Kit) Wrap(base http.RoundTripper) http.RoundTripper { return k.Middleware(base) }

// Client returns a copy of c whose Transport is wrapped; c is never changed, and a nil c is
// a new http.Client. Configure a client first and wrap it last. If c's Transport is a foreign
// middleware, the kit stands outside of it: see Base.
//
// The copy's Jar and CheckRedirect act as before. So does its Timeout: it bounds a call with
// its redirects until the end of the last body, and the wait in the pool's queue as well. If
// it cuts a body off, an HTTP/1 connection is lost, and the next one is new for timeout.
func (k *Kit) Client(c *http.Client) *http.Client {
	return roundtripper.Client(c, k.Middleware)
}

// Base returns the kit over a private clone of http.DefaultTransport, for a middleware to
// wrap:
//
//	otelhttp.NewTransport(kit.Base())
//
// It is Wrap(nil). For a transport with settings of its own use Wrap. All calls of Base share
// the clone's connections, and so do the Kit's clients over http.DefaultTransport; other users
// of http.DefaultTransport do not. Most middlewares do not pass http.Client's
// CloseIdleConnections on: call Kit.Pool.CloseIdleConnections instead.
func (k *Kit) Base() http.RoundTripper { return k.Middleware(nil) }

// Stats is Pool.Stats: the counts of requests and connections so far, in all and by host.
func (k *Kit) Stats() pool.Stats { return k.Pool.Stats() }

// Shutdown refuses new requests, and the ones that wait in a queue, with pool.ErrClosed;
// closes idle connections; breaks off drains in the background; and waits for the requests
// in flight and their connections. When ctx ends before that it returns ctx's error, and the
// rest ends by itself: see Pool.Shutdown. It may be called more than once.
//
// It neither flushes nor shuts down a TracerProvider or MeterProvider, which are the
// program's: do that afterwards, so that the last spans are exported.
func (k *Kit) Shutdown(ctx context.Context) error {
	k.Drainer.Close()
	return k.Pool.Shutdown(ctx)
}
