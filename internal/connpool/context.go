package connpool

import (
	"context"
	"net/http/httptrace"
	"sync/atomic"
)

// exchangeContext is the context of the request as an http.ClientConn gets it: the
// caller's own, but that what net/http derives from it can be taken off again.
//
// Over HTTP/1 ClientConn.RoundTrip derives a context that ends with the caller's,
// and leaves it there when it fails: 200 failures leave 200 children with a parent
// that lives long (go1.26.8 and go1.27.4). Package context asks a parent that has
// AfterFunc, and is none of its own, to call it, so the link is ours to cut. It
// looks for one of its own by a key; until the link is made that key finds nothing.
// Request.Cancel costs a goroutine, which ends with the derived context.
type exchangeContext struct {
	context.Context
	entry  *Entry // whose it is
	linked atomic.Bool
	over   atomic.Bool // it is to be ended
	cut    func() bool
	end    func()                 // ends what was derived
	trace  *httptrace.ClientTrace // in the place of the caller's, if not nil
}

func (c *exchangeContext) Err() error {
	if err := c.Context.Err(); err != nil || !c.over.Load() {
		return err
	}
	return context.Canceled
}

func (c *exchangeContext) Value(key any) any {
	switch key {
	case c.entry.pool.keys.cancel:
		// One that has ended takes no child any more, and is asked for its cause.
		if !c.linked.Load() && c.Context.Err() == nil {
			return nil
		}
	case c.entry.pool.keys.trace:
		if c.trace != nil {
			return c.trace
		}
	default:
		// What Proxy requests with it is within this exchange.
		return c.entry.Owner.DialContext().Value(key)
	}
	return c.Context.Value(key)
}

// AfterFunc is called by package context, once for the context that net/http
// derives.
func (c *exchangeContext) AfterFunc(f func()) (stop func() bool) {
	stop = context.AfterFunc(c.Context, f)
	if !c.linked.Swap(true) {
		c.cut, c.end = stop, f
	}
	return stop
}

// finish ends what net/http has derived for a request that has failed, and with it
// the goroutine that waits for Request.Cancel.
func (c *exchangeContext) finish() {
	if end := c.end; end != nil && c.unlink() {
		c.over.Store(true)
		end()
		c.over.Store(false)
	}
	c.end = nil
	c.linked.Store(false)
}

// unlink takes what was derived off the caller's context. It is false if that has
// ended before.
func (c *exchangeContext) unlink() bool {
	if c.cut == nil {
		return true
	}
	cut := c.cut
	c.cut = nil
	return cut()
}

// endless is a context that does not end, but has a Done: so package context links
// what is derived from it, and that can be ended by finish.
type endless struct {
	context.Context
	done chan struct{}
}

func (c endless) Done() <-chan struct{} { return c.done }

// contextKeys are the keys by which package context looks for a context of its
// own, and httptrace for hooks. They are not exported, but a context that is asked
// sees them. One is a key that nobody asks for if that is not how it works.
type contextKeys struct{ cancel, trace any }

func newContextKeys() *contextKeys {
	return &contextKeys{
		cancel: keyOf(func(ctx context.Context) { context.Cause(ctx) }),
		trace:  keyOf(func(ctx context.Context) { httptrace.ContextClientTrace(ctx) }),
	}
}

type keyProbe struct {
	context.Context
	key any
}

// Err is not nil, or context.Cause would ask no further.
func (p *keyProbe) Err() error { return context.Canceled }

func (p *keyProbe) Value(key any) any {
	p.key = key
	return nil
}

func keyOf(ask func(context.Context)) any {
	p := keyProbe{Context: context.Background()}
	ask(&p)
	if p.key == nil {
		return new(int)
	}
	return p.key
}

// dialContext is the context of a dial, as net/http gets it.
type dialContext struct {
	context.Context
	conn  *Conn                  // that is being made
	hooks *httptrace.ClientTrace // the caller's, which those of the dial call
}

// dialKey finds the dialContext.
type dialKey struct{}

// dialOf is the dial that ctx is of; nil if it is of none.
func dialOf(ctx context.Context) *dialContext {
	d, _ := ctx.Value(dialKey{}).(*dialContext)
	return d
}

func (d *dialContext) Value(key any) any {
	switch key {
	case dialKey{}:
		return d
	case d.conn.host.pool.keys.trace:
		return nil // or WithClientTrace would have the caller's hooks called twice
	}
	return d.Context.Value(key)
}

// dialerContext is what the program's dialer gets: it finds the caller's hooks, as
// with bare net/http, and may call them. What it requests by itself, a name over HTTPS
// say, calls them as well. The dial's own it does not find: another handshake than the
// connection's would be taken for that. Net.Dialer's, for DNS and connects, have
// another key.
type dialerContext struct {
	context.Context
	dial *dialContext
}

// isDialKey finds out whether a context is one.
type isDialKey struct{}

// IsDial reports whether ctx is that of a dial for a transport that a Pool owns:
// the Pool counts the connection.
func IsDial(ctx context.Context) bool { return ctx.Value(isDialKey{}) != nil }

func (c dialerContext) Value(key any) any {
	switch key {
	case c.dial.conn.host.pool.keys.trace:
		return c.dial.hooks
	case dialKey{}:
		return nil
	case isDialKey{}:
		return true
	}
	return c.Context.Value(key)
}
