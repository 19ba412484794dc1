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
type exchangeContext struct {
	context.Context
	keys   *contextKeys
	linked atomic.Bool
	cut    func() bool
	stop   func()                 // ends what stands for Request.Cancel
	trace  *httptrace.ClientTrace // in the place of the caller's, if not nil
}

func (c *exchangeContext) Value(key any) any {
	switch key {
	case c.keys.cancel:
		if !c.linked.Load() {
			return nil
		}
	case c.keys.trace:
		if c.trace != nil {
			return c.trace
		}
	}
	return c.Context.Value(key)
}

// AfterFunc is called by package context, once for the context that net/http
// derives.
func (c *exchangeContext) AfterFunc(f func()) (stop func() bool) {
	stop = context.AfterFunc(c.Context, f)
	if !c.linked.Swap(true) {
		c.cut = stop
	}
	return stop
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

// dialerContext is what the program's dialer gets: what it requests by itself, a
// name over HTTPS say, must not call the hooks of the request that it dials for.
// Those of net.Dialer, for DNS and connects, have another key and stay.
type dialerContext struct {
	context.Context
	keys *contextKeys
}

// isDialKey finds out whether a context is one.
type isDialKey struct{}

// IsDial reports whether ctx is that of a dial for a transport that a Pool owns:
// the Pool counts the connection.
func IsDial(ctx context.Context) bool { return ctx.Value(isDialKey{}) != nil }

func (c dialerContext) Value(key any) any {
	switch key {
	case c.keys.trace:
		return nil
	case isDialKey{}:
		return true
	}
	return c.Context.Value(key)
}

// legacyCancel returns the request's context, ended by Request.Cancel as well; the
// request that goes down has none, or ClientConn would leave a goroutine for it
// when it fails. Stop ends it.
func legacyCancel(ctx context.Context, cancel <-chan struct{}) (_ context.Context, stop func()) {
	ctx, end := context.WithCancelCause(ctx)
	go func() {
		select {
		case <-cancel:
			end(errRequestCanceled)
		case <-ctx.Done():
		}
	}()
	return ctx, func() { end(errExchangeOver) }
}
