package connpool

import (
	"context"
	"net/http/httptrace"
	"sync/atomic"
)

// exchangeContext is the context of the request as an http.ClientConn gets it. It is the
// caller's own, with one difference: a context that net/http derives from it can be taken
// off the caller's again.
//
// Over HTTP/1 ClientConn.RoundTrip derives a context that ends with the caller's, and
// leaves it there when it fails: 200 failures leave 200 children with a parent that lives
// long (go1.26.8 and go1.27.4). If the parent is of another package's type, and has a
// method AfterFunc, package context links the child by that method. So the link is made
// here, and can be cut here. Package context looks for a parent of its own type by a key;
// until the link is made, that key finds nothing here. Request.Cancel costs a goroutine,
// which ends with the derived context.
type exchangeContext struct {
	context.Context
	entry  *Entry // its exchange
	linked atomic.Bool
	over   atomic.Bool // finish is ending it
	cut    func() bool
	end    func()                 // ends the derived context
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
		// A context that has ended gets no child any more, and is asked for its cause.
		if !c.linked.Load() && c.Context.Err() == nil {
			return nil
		}
	case c.entry.pool.keys.trace:
		if c.trace != nil {
			return c.trace
		}
	default:
		// Proxy may make requests with this context: they are made inside of this exchange.
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

// finish ends the context that net/http has derived for a request that has failed, and
// with it the goroutine that waits for Request.Cancel.
func (c *exchangeContext) finish() {
	if end := c.end; end != nil && c.unlink() {
		c.over.Store(true)
		end()
		c.over.Store(false)
	}
	c.end = nil
	c.linked.Store(false)
}

// unlink takes the derived context off the caller's. It returns false if the caller's has
// ended before.
func (c *exchangeContext) unlink() bool {
	if c.cut == nil {
		return true
	}
	cut := c.cut
	c.cut = nil
	return cut()
}

// endless is a context that never ends, but has a Done channel: so package context links a
// context that is derived from it, and finish can end that.
type endless struct {
	context.Context
	done chan struct{}
}

func (c endless) Done() <-chan struct{} { return c.done }

// contextKeys are the keys by which package context looks for a context of its own type,
// and httptrace for hooks. They are not exported, but a context that is asked sees them.
// Where a release of Go asks for no key, there is one here that no code asks for.
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

// Err is not nil: else context.Cause would not ask for its key.
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
