package record

import (
	"context"
	"fmt"
	"time"
)

// recordCtx is a Record as the context that goes down: it carries the record to
// dials, and to exchanges made in this one, and the hooks to net/http. What can be
// cancelled, and the hooks, are made when somebody looks for them: net/http does, but
// not a cache that answers by itself, nor a test's stub.
type recordCtx Record

type recordKey struct{}

// What Record.made says.
const (
	hooksMade uint32 = 1 << iota
	ctxMade
	canceled
	atLast // see letGoAtLast
)

func (c *recordCtx) Deadline() (time.Time, bool) { return c.callerCtx.Deadline() }

func (c *recordCtx) Done() <-chan struct{} { return (*Record)(c).cancelable().Done() }

func (c *recordCtx) Err() error {
	if c.made.Load()&(ctxMade|canceled) == 0 && c.callerCtx.Err() == nil {
		return nil
	}
	// Made now if it was not: an error that was told must stay.
	return (*Record)(c).cancelable().Err()
}

func (c *recordCtx) Value(key any) any {
	switch key {
	case recordKey{}:
		return (*Record)(c)
	case c.pipe.traceKey:
		return (*Record)(c).hooks()
	}
	if c.made.Load()&ctxMade != 0 {
		return c.ctx.Value(key)
	}
	return (*Record)(c).down().Value(key)
}

// String keeps package fmt out of the Record: it would race with hooks, and write
// the request's headers into somebody's log.
func (c *recordCtx) String() string { return fmt.Sprint(c.callerCtx) + ".WithRecord" }

// down is parent with the hooks that are not made later. They are for what goes down
// alone: End gets parent, and those above read it while the exchange begins.
func (r *Record) down() context.Context {
	if r.dial != nil {
		return r.dial.ctx
	}
	return r.callerCtx
}

// cancelable returns the context that cancel ends.
func (r *Record) cancelable() context.Context {
	if r.made.Load()&ctxMade == 0 {
		r.makeCancelable()
	}
	return r.ctx
}

func (r *Record) makeCancelable() {
	// Not under the lock: an outer record may be asked for its own.
	var ctx context.Context
	var stop context.CancelFunc
	if r.hasBody && !r.pipe.overNetHTTP {
		_, ctx, stop = deriveDetachable(r.down()) // see letGoAtLast
	} else {
		ctx, stop = context.WithCancel(r.down())
	}
	r.body.mu.Lock()
	if r.made.Load()&ctxMade != 0 {
		r.body.mu.Unlock()
		stop() // another was faster
		return
	}
	r.ctx, r.stop = ctx, stop
	for {
		was := r.made.Load()
		if was&canceled != 0 {
			stop() // before anybody sees it: it must not seem to go on again
		}
		if r.made.CompareAndSwap(was, was|ctxMade) {
			if was&atLast != 0 {
				r.addDetach()
			}
			break
		}
	}
	r.body.mu.Unlock()
}

// canceled reports whether the exchange was ended, by the caller or by cancel.
func (r *Record) canceled() bool {
	if r.owned() {
		return r.made.Load()&canceled != 0 || !r.detached && r.callerCtx.Err() != nil
	}
	return (*recordCtx)(r).Err() != nil
}

// cancel ends the context that went down; a connection of our own it closes.
func (r *Record) cancel() {
	if r.owned() {
		r.made.Or(canceled)
		r.entry.Abort()
		return
	}
	if r.made.Or(canceled)&ctxMade != 0 {
		r.stop()
	}
}
