package connpool

import (
	"context"
	"net/http"
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
	legacy *legacyCancel          // nil if the request has no Cancel
	trace  *httptrace.ClientTrace // in the place of the caller's, if not nil
}

func (c *exchangeContext) Value(key any) any {
	switch key {
	case c.keys.cancel:
		// One that has ended takes no child any more, and is asked for its cause.
		if !c.linked.Load() && c.Context.Err() == nil {
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

func (c dialerContext) Value(key any) any {
	if key == c.keys.trace {
		return nil
	}
	return c.Context.Value(key)
}

// legacyCancel is a request's Cancel, and what stands for it over HTTP/1, where
// ClientConn would leave a goroutine for it when it fails. HTTP/2 leaves none, and
// has an error of its own for it.
type legacyCancel struct {
	cancel <-chan struct{}
	ctx    context.Context // the caller's
	stop   func()
}

// newLegacyCancel returns the caller's context, ended by cancel as well.
func newLegacyCancel(ctx context.Context, cancel <-chan struct{}) (context.Context, *legacyCancel) {
	both, end := context.WithCancelCause(ctx)
	go func() {
		select {
		case <-cancel:
			end(errRequestCanceled)
		case <-both.Done():
		}
	}()
	return both, &legacyCancel{cancel, ctx, func() { end(errExchangeOver) }}
}

// overHTTP2 is req with its Cancel, and the caller's context.
func (l *legacyCancel) overHTTP2(req *http.Request, link *exchangeContext) *http.Request {
	own := &exchangeContext{Context: l.ctx, keys: link.keys, trace: link.trace}
	own.linked.Store(true)
	req = req.WithContext(own)
	req.Cancel = l.cancel
	return req
}
