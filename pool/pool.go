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
	listed   atomic.Int64 // the number of hosts in the last Stats
	gc       collector
	stalls   func(since time.Time) // stalled, made once
	calls    func(host string) int // calling, made once
	crowd    crowd
	watchers watchers
	newConns newConns
	closed   atomic.Bool
	ends     bell // rung when an exchange or a connection ends: see Shutdown
	// slotless is the number of exchanges in flight that have no slot of this Pool.
	slotless atomic.Int64
	bases    transports
	warned   warned
	leaks    leakBook
	totals   *ledger.Totals // of connections
}

// New returns a Pool.
func New(o Options) *Pool {
	p := &Pool{opts: o, hosts: hostLimits(o.Hosts), totals: new(ledger.Totals)}
	p.stalls, p.calls = p.stalled, p.calling
	p.bases.builds.report = p.churned
	p.bases.builds.wanted.Store(o.OnLeak != nil)
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
// dropped, the transport is dropped, too.
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

// Close refuses new requests, and the ones that wait in a queue, with ErrClosed. Of the
// connections that the Pool owns it closes the idle ones, and breaks off drains in the
// background. Requests in flight go on to their end, and then their connections are closed;
// until then OnLeak may be called. Close may be called more than once and returns nil.
// Shutdown does the same and waits for the requests in flight.
func (p *Pool) Close() error {
	p.closed.Store(true)
	p.each(func(h *host) { h.queue.close() })
	p.total.close()
	p.bases.stop()
	return nil
}

// CloseIdleConnections closes the idle connections of all clients over this Pool. Call it
// when the program has renewed a client certificate, or knows that a network is gone. The
// transport that was wrapped has none of these connections, so its own CloseIdleConnections
// closes none. A client's CloseIdleConnections closes those of that client's transport
// alone, and does not do what the next paragraph describes.
//
// If the program has given a transport another TLSClientConfig, new connections are made
// by that from now on; HTTP/2 stays on where it was. The program must not write that field
// during the call. The Pool reads the field only here, because reading it while the program
// may write it is a race. Changes of other settings, or within the configuration, it does
// not see.
//
// Connections in use are treated as by net/http: over HTTP/1 one is closed when it comes
// back, unless another request has asked before that; over HTTP/2 it goes on while it is in
// use. MaxConnAge bounds how long that can be. Connections of bases that are not a plain
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
