package stack

import (
	"context"
	"net/http"
	"reflect"
)

// maxChain bounds how far a chain of redirects is followed.
const maxChain = 100

// outside is q, whose chain of redirects has so many levels at most, with contexts that
// are the caller's. What is to be changed is copied: it is not the kit's own.
func (x *Exchange) outside(q *http.Request, levels int) *http.Request {
	switch {
	case q == nil, levels == 0:
		return q
	case q == &x.down.req:
		return x.request.orig
	}
	own := q
	if ctx := x.outsideContext(q.Context()); ctx != nil {
		own = q.WithContext(ctx)
	}
	if by := q.Response; by != nil {
		if req := x.outside(by.Request, levels-1); req != by.Request {
			if own == q {
				own = q.WithContext(q.Context())
			}
			resp := *by
			resp.Request = req
			own.Response = &resp
		}
	}
	return own
}

// outsideContext is what becomes of a context from below; nil if it is as good as the
// caller's. It is not if an exchange is to be found in it that the caller's is not
// made in: this one, or an earlier one, whose response a cache has kept.
func (x *Exchange) outsideContext(ctx context.Context) context.Context {
	found, _ := ctx.Value(exchangeKey{}).(*Exchange)
	if found == nil {
		return nil
	}
	for o := x.nest.outer; o != nil; o = o.nest.outer {
		if found == o {
			return nil
		}
	}
	if ctx == context.Context((*exchangeCtx)(found)) {
		return x.request.orig.Context() // no middleware has added anything
	}
	return &detachedCtx{x.request.orig.Context(), ctx, found}
}

// detachedCtx is the caller's context with the values that middlewares below have added.
// Neither the exchange nor its hooks are among them, nor what the kit's layers have
// added: a request that is made with this context is another one, and no child of the
// first one's span.
type detachedCtx struct {
	context.Context
	below context.Context
	found *Exchange // in below
}

func (c *detachedCtx) Value(key any) any {
	own := c.Context.Value(key)
	if key == (exchangeKey{}) || key == c.found.pipe.traceKey {
		return own
	}
	v := c.below.Value(key)
	if v == nil || same(v, c.found.parentCtx().Value(key)) {
		return own
	}
	if _, ends := v.(context.Context); ends {
		return own // package context looks for what is to be ended, and asks it for the cause
	}
	return v
}

// same reports whether two values are one. Those that can't be compared are taken for
// it if they are of one kind.
func same(a, b any) bool {
	if reflect.TypeOf(a) != reflect.TypeOf(b) {
		return false
	}
	if !reflect.ValueOf(a).Comparable() || !reflect.ValueOf(b).Comparable() {
		return true
	}
	return a == b
}
