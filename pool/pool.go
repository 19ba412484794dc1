package pool

import (
	"context"
	"net/http"
	"runtime"
	"sync/atomic"
	"time"
	"weak"

	"github.com/hashicorp/go-cleanhttp"

	"github.com/warmconn/warmconn/internal/hosttable"
	"github.com/warmconn/warmconn/internal/ledger"
	"github.com/warmconn/warmconn/internal/lockorder"
	"github.com/warmconn/warmconn/internal/stack"
)

// Pool bounds the requests of any number of clients, and owns their connections. It is safe for
// concurrent use. Use New.
type Pool struct {
	opts     Options
	hosts    map[string]Limits // Options.Hosts, as Key spells them
	table    hosttable.Table[ledger.Key, *host, lockorder.SlotTable]
	past     past
	total    queue
	listed   atomic.Int64 // how many hosts the last Stats had
	gc       collector
	stalls   func(since time.Time) // stalled
	calls    func(host string) int // calling
	crowd    crowd
	watchers watchers
	closed   atomic.Bool
	ends     bell // rung when something of it ends: see Shutdown
	// slotless is how many exchanges have begun and not ended that have no slot here.
	slotless atomic.Int64
	bases    transports
	warned   warned
	totals   *ledger.Totals // of connections
}

// New returns a Pool.
func New(o Options) *Pool {
	p := &Pool{opts: o, hosts: hostLimits(o.Hosts), totals: new(ledger.Totals)}
	p.stalls, p.calls = p.stalled, p.calling
	p.bases.builds.report = o.OnLeak
	p.total.rules = p.rules(o.MaxTotal, o.MaxWaiting)
	return p
}

// Middleware puts the pool over next. Over a plain *http.Transport it sends
// requests over connections of its own, made by a private clone, which all stacks
// of this Pool over that transport share. A nil next is http.DefaultTransport.
func (p *Pool) Middleware(next http.RoundTripper) http.RoundTripper {
	return stack.New(next, layer{p})
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

func (p *Pool) client(shared *weak.Pointer[sharedTransport], base func() *http.Transport) *http.Client {
	s := p.ownShared(shared, base)
	c := &http.Client{Transport: p.Middleware(s.transport)}
	runtime.KeepAlive(s) // until the client holds it
	return c
}

// Close refuses new requests with ErrClosed, and the waiters in a queue,
// breaks off drains in the background of connections that it owns, and closes those
// that are idle. Requests in
// flight go on to their end, and then their connections are closed; until then
// OnLeak may be called. Close may be called more than once and returns nil. Shutdown
// waits for them.
func (p *Pool) Close() error {
	p.closed.Store(true)
	p.each(func(h *host) { h.queue.close() })
	p.total.close()
	p.bases.stop()
	return nil
}

// CloseIdleConnections closes the connections that lie idle, of all clients over this
// Pool: for an owner that has renewed the client certificate, or knows that a network
// is gone. The owner's transport has none of them, so its own CloseIdleConnections
// closes none. A client's CloseIdleConnections does the same for that client's
// transport alone, but for what follows.
//
// If the owner has put another TLSClientConfig in the place of the one that a
// transport had, new connections are made by it from now on; HTTP/2 stays on where it
// was. It must not be called while that field is written: the Pool reads it here and
// nowhere else, for to look at a field that its owner may be writing is a race. Other
// settings that change, and a configuration that is changed in place, it does not see.
//
// It is as net/http's: one that a request has is closed when it comes back, unless
// another request came before that, and one over HTTP/2 goes on while it is in use.
// MaxConnAge bounds how long that can be. Connections of bases that are not a plain
// *http.Transport are not the Pool's to close.
func (p *Pool) CloseIdleConnections() { p.bases.closeIdle() }

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
