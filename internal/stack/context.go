package stack

import (
	"context"
	"fmt"
	"time"
)

// exchangeCtx is an Exchange in its role as the context that goes down. It carries the
// exchange to dials and to exchanges that are made inside of this one, and the hooks to
// net/http. The hooks, and a context that can be cancelled, are made when they are looked
// for: net/http looks for both, but a cache that answers by itself does not, nor does a
// test's stub.
type exchangeCtx Exchange

type exchangeKey struct{}

// Flags of derived.made.
const (
	hooksMade uint32 = 1 << iota
	ctxMade
	canceled
	atLast // see detachAtLast
)

func (c *exchangeCtx) Deadline() (time.Time, bool) { return c.request.ctx.Deadline() }

func (c *exchangeCtx) Done() <-chan struct{} { return (*Exchange)(c).cancelable().Done() }

func (c *exchangeCtx) Err() error {
	if c.down.made.Load()&(ctxMade|canceled) == 0 && c.request.ctx.Err() == nil {
		return nil
	}
	// The context is made now if it was not: an error that was returned once must stay.
	return (*Exchange)(c).cancelable().Err()
}

func (c *exchangeCtx) Value(key any) any {
	switch key {
	case exchangeKey{}:
		return (*Exchange)(c)
	case c.pipe.traceKey:
		return (*Exchange)(c).hooks()
	}
	if c.down.made.Load()&ctxMade != 0 {
		return c.down.ctx.Value(key)
	}
	return (*Exchange)(c).parentCtx().Value(key)
}

// String keeps package fmt out of the Exchange: fmt would race with hooks, and write the
// request's headers into a program's log.
func (c *exchangeCtx) String() string { return fmt.Sprint(c.request.ctx) + ".WithRecord" }

// parentCtx is the parent of the context that goes down: request.ctx, with the dial's hooks
// if there are any. These are not in request.ctx itself, which layers read in their Begin and
// their End.
func (x *Exchange) parentCtx() context.Context {
	if x.down.dial != nil {
		return x.down.dial.ctx
	}
	return x.request.ctx
}

// cancelable returns the context that cancel ends.
func (x *Exchange) cancelable() context.Context {
	if x.down.made.Load()&ctxMade == 0 {
		x.makeCancelable()
	}
	return x.down.ctx
}

func (x *Exchange) makeCancelable() {
	// Not under the lock: an outer exchange may be asked for its own.
	var ctx context.Context
	var stop context.CancelFunc
	if x.request.hasBody && !x.pipe.overNetHTTP {
		_, ctx, stop = deriveDetachable(x.parentCtx()) // see detachAtLast
	} else {
		ctx, stop = context.WithCancel(x.parentCtx())
	}
	x.body.mu.Lock()
	if x.down.made.Load()&ctxMade != 0 {
		x.body.mu.Unlock()
		stop() // another was faster
		return
	}
	x.down.ctx, x.down.stop = ctx, stop
	for {
		was := x.down.made.Load()
		if was&canceled != 0 {
			stop() // before the context is seen: an exchange that was cancelled must not seem to go on
		}
		if x.down.made.CompareAndSwap(was, was|ctxMade) {
			if was&atLast != 0 {
				x.addDetach()
			}
			break
		}
	}
	x.body.mu.Unlock()
}

// canceled reports whether the exchange was ended, by the caller or by cancel.
func (x *Exchange) canceled() bool {
	if x.down.owned {
		return x.down.made.Load()&canceled != 0 || !x.down.detached && x.request.ctx.Err() != nil
	}
	return (*exchangeCtx)(x).Err() != nil
}

// cancel ends the context that went down; where the kit owns the connection, it closes that.
func (x *Exchange) cancel() {
	if x.down.owned {
		x.down.made.Or(canceled)
		x.entry.Abort()
		return
	}
	if x.down.made.Or(canceled)&ctxMade != 0 {
		x.down.stop()
	}
}
