package pool

import (
	"context"
	"hash/maphash"
	"net/http"
	"runtime"
	"sync/atomic"
	"weak"

	"github.com/hashicorp/go-cleanhttp"

	"github.com/warmconn/warmconn/internal/ledger"
	"github.com/warmconn/warmconn/internal/record"
)

// Pool bounds the requests of any number of clients, and owns their connections. It is safe for
// concurrent use. Use New.
type Pool struct {
	opts   Options
	hosts  map[string]Limits // Options.Hosts, as Key spells them
	seed   maphash.Seed
	shards [shards]shard
	total  queue
	listed atomic.Int64 // how many hosts the last Stats had
	gc     collector
	stalls func() // gc.run
	crowd  crowd
	closed atomic.Bool
	bases  bases
	totals *ledger.Totals // of connections
}

// New returns a Pool.
func New(o Options) *Pool {
	p := &Pool{opts: o, hosts: hostLimits(o.Hosts), seed: maphash.MakeSeed(), totals: new(ledger.Totals)}
	p.stalls = p.gc.run
	p.bases.builds.report = o.OnLeak
	p.total.rules = p.rules(o.MaxTotal, o.MaxWaiting)
	return p
}

// Middleware puts the pool over next. Over a plain *http.Transport it sends
// requests over connections of its own, made by a private clone, which all stacks
// of this Pool over that transport share. A nil next is http.DefaultTransport.
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
// breaks off drains in the background of connections that it owns, and closes those
// that are idle. Requests in
// flight go on to their end, and then their connections are closed; until then
// OnLeak may be called. Close may be called more than once and returns nil.
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
// connections are the Pool's all the same; their leaks are healed but not
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
	h, v, err := p.acquireAt(r.Context(), r.Site())
	r.AddPoolWait(v.waited)
	if err != nil {
		return nil, err
	}
	r.LimitConns(h.queue.limit)
	if f := p.fly(h, r.Request().Method, r.Began(), v.stack); f != nil {
		return f, nil
	}
	return h, nil
}

// Witness implements record.Witness.
func (t part) Witness(state any, c *ledger.Culprit) {
	if f, ok := state.(*flight); ok {
		c.Stack = f.stack
	}
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
	f := r.Final()
	if fl, ok := state.(*flight); ok {
		h.flights.end(fl)
	}
	t.p.release(h, f)
	if f.Leaked {
		t.p.crowd.leaked.Store(true)
	}
	if f.Leaked && t.p.opts.OnLeak != nil {
		// Others wait to be healed, and it may wait for the slot of one of them.
		go t.p.leaked(r.Host(), r.Method(), *f, stack)
	}
}

func (t part) Phase() record.Phase { return record.Slot }
