package pool

import (
	"context"
	"hash/maphash"
	"net/http"
	"runtime"
	"sync/atomic"
	"time"
	"weak"

	"github.com/hashicorp/go-cleanhttp"

	"github.com/warmconn/warmconn/internal/ledger"
	"github.com/warmconn/warmconn/internal/record"
)

// Options configures a Pool. The zero value limits nothing and is right for
// most programs.
type Options struct {
	// MaxPerHost is the most requests in flight to one host: scheme, name and
	// port. Where the pool watches the dialer it bounds the connections over
	// HTTP/1 too; those that are idle and fit no request, and those whose dial
	// outlasts its request, come on top. A program that makes a request to a
	// host while it holds a body of the same host can wait for itself. Zero or
	// negative means no limit.
	MaxPerHost int
	// MaxTotal is the most requests in flight to all hosts together. Zero or
	// negative means no limit.
	MaxTotal int
	// MaxWaiting is the most requests that wait in one queue; one more is
	// refused with ErrQueueFull. Zero means no limit; negative means that none
	// waits.
	MaxWaiting int
	// WaitTimeout is the longest that a request waits in a queue before it is
	// refused with ErrWaitTimeout. Zero or negative means as long as its
	// context lasts.
	WaitTimeout time.Duration

	// MaxIdlePerHost is how many connections to one host are kept idle, in
	// place of the transport's MaxIdleConnsPerHost, also of one that was set.
	// Negative means none. Zero means that it follows use: a sixth of
	// IdleTimeout at a time, at least 1 s and at most 30 s, half of the
	// connections that were not needed at its busiest moment are closed, down
	// to 8. The transport's MaxIdleConns holds for all hosts together.
	MaxIdlePerHost int
	// IdleTimeout is how long a connection is kept idle, in place of the
	// transport's IdleConnTimeout. Zero means the transport's own, or 90 s if
	// it has none; negative means no limit. Where a server says in Keep-Alive
	// that it waits for less, less 1 s or half of it, that holds.
	IdleTimeout time.Duration
	// MaxConnAge is how old a connection may be when it is given to a request.
	// Each has an age of its own, up to a tenth less, so that those of one
	// moment do not end in one. It is retired while it is idle, or else with
	// the next request that it serves: by Connection: close, over HTTP/2 by
	// net/http alone. No request fails for it. Zero or negative means never.
	// Where the base can't be watched, and with a transport from Transport, an
	// idle one is not retired. A busy one is only where pool stands next to an
	// *http.Transport: below the middlewares of others.
	MaxConnAge time.Duration
	// MaxConnRequests is how many requests a connection serves, with the same
	// conditions as for one that is busy. Zero or negative means no limit.
	MaxConnRequests int

	// OnLeak is called once for each response body that was dropped without
	// being closed, after its slot came back; for each that is suspected, see
	// LeakAfter; and for each place that makes transports which are hardly
	// used, see Leak.Transports. It must be safe for concurrent use. It must
	// not hold the Pool's client, or a dropped client could not be found. Nil
	// means that leaks are only healed and counted.
	OnLeak func(Leak)
	// LeakAfter is how long a response body may be open, from the moment the
	// response came, before it is reported to OnLeak as suspected, once. The
	// time until then does not count: in the queue, in RoundTrip. Nothing is
	// taken away: it may well be a stream, or a caller that is slow. If the
	// collector finds later that it was dropped, that is a second report. Zero
	// or negative means never.
	LeakAfter time.Duration
	// AlwaysCaller takes the stack of every request, so that Leak.Caller is
	// never empty, and lets InFlight list them: for tests, and to hunt for a
	// leak. False means a sample; see the package doc for what each costs.
	AlwaysCaller bool
}

// Pool bounds and watches the requests of any number of clients. It is safe for
// concurrent use. Use New.
type Pool struct {
	opts   Options
	seed   maphash.Seed
	shards [shards]shard
	total  queue
	past   counters // of hosts that were forgotten
	gc     collector
	closed atomic.Bool
	bases  bases
	totals *ledger.Totals // of connections
}

// New returns a Pool.
func New(o Options) *Pool {
	p := &Pool{opts: o, seed: maphash.MakeSeed(), totals: new(ledger.Totals)}
	p.bases.builds.report = o.OnLeak
	p.total.limit = max(o.MaxTotal, 0)
	return p
}

// Middleware puts the pool over next. Over a plain *http.Transport it sends
// requests to a watched clone, which all stacks of this Pool over that
// transport share. A nil next is http.DefaultTransport.
func (p *Pool) Middleware(next http.RoundTripper) http.RoundTripper {
	return record.New(next, part{p})
}

// Client returns a new client over one transport that all clients of this Pool
// share, made from go-cleanhttp's pooled transport. When the last of them is
// dropped, so is the transport.
func (p *Pool) Client() *http.Client {
	return p.client(&p.bases.own, cleanhttp.DefaultPooledTransport)
}

// RareClient returns a new client for calls that are made rarely: each has a
// connection of its own, which is closed after it, and neither a connection nor
// a goroutine waits for the next one. The transport is made from go-cleanhttp's
// unpooled one, and shared as Client's is. Exchanges say keepalives_disabled.
func (p *Pool) RareClient() *http.Client {
	return p.client(&p.bases.rare, cleanhttp.DefaultTransport)
}

func (p *Pool) client(shared *weak.Pointer[site], base func() *http.Transport) *http.Client {
	s := p.ownSite(shared, base)
	c := &http.Client{Transport: p.Middleware(s.transport)}
	runtime.KeepAlive(s) // until the client holds it
	return c
}

// Close refuses new requests with ErrClosed, those that wait in a queue too,
// breaks off drains in the background, and closes idle connections. Requests in
// flight go on to their end. It may be called more than once and returns nil.
func (p *Pool) Close() error {
	p.closed.Store(true)
	p.each(func(h *host) { h.queue.close() })
	p.total.close()
	p.bases.stop()
	return nil
}

type exemptKey struct{}

// Exempt returns a context whose requests take no slot and do not wait: a
// health check, say, that must get through when the queue is full. Their
// connections are watched all the same; their leaks are healed but not
// reported.
func Exempt(ctx context.Context) context.Context {
	return context.WithValue(ctx, exemptKey{}, true)
}

func exempt(ctx context.Context) bool {
	yes, _ := ctx.Value(exemptKey{}).(bool)
	return yes
}

// part is the Pool's share in an exchange.
type part struct{ p *Pool }

func (t part) Begin(r *record.Record) (any, error) {
	p := t.p
	if p.opts.MaxConnAge > 0 || p.opts.MaxConnRequests > 0 {
		r.RetireAfter(max(p.opts.MaxConnAge, 0), max(p.opts.MaxConnRequests, 0))
	}
	if p.closed.Load() {
		return nil, ErrClosed
	}
	// A request inside of one that has a slot would wait for itself: the same
	// pool above and below somebody else's middleware, or that middleware's
	// own request for a token.
	if exempt(r.Context()) || r.Within(t) {
		r.Exempt()
		return nil, nil
	}
	began := time.Now()
	h, waited, err := p.acquire(r.Context(), r.Key())
	if waited {
		r.AddPoolWait(time.Since(began))
	}
	if err != nil {
		return nil, err
	}
	r.LimitConns(h.queue.limit)
	if f := p.fly(h, r.Request().Method, began); f != nil {
		r.SetStack(f.stack)
		return f, nil
	}
	return h, nil
}

func (t part) End(r *record.Record, state any) {
	var h *host
	var stack []uintptr
	switch state := state.(type) {
	case nil:
		return // exempt
	case *host:
		h = state
	case *flight:
		h, stack = state.host, state.stack
	}
	f := r.Facts()
	if f.Leaked {
		h.leaked()
	}
	if fl, ok := state.(*flight); ok {
		h.flights.end(fl)
	}
	t.p.release(h)
	if f.Leaked && t.p.opts.OnLeak != nil {
		t.p.opts.OnLeak(leakOf(f, stack))
	}
}

func (t part) Phase() record.Phase { return record.Slot }
