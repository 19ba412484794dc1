package stack

import (
	"context"
	"net/http"
	"reflect"
)

// maxChain bounds how far a chain of redirects is followed.
const maxChain = 100

// outside is q, and the chain of redirects that led to it, at most levels long, with the
// caller's contexts in the place of the kit's. A request that must be changed is copied: it
// may be foreign middleware's.
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

// outsideContext is the context to take the place of ctx, which came from below; nil if ctx
// can stay. It can't if an exchange is found in it inside of which the caller's request was
// not made: this one, or an earlier one, whose response a cache has kept.
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
		return x.request.orig.Context() // no middleware has added a value
	}
	return &detachedCtx{x.request.orig.Context(), ctx, found}
}

// detachedCtx is the caller's context with the values that middlewares below have added. The
// exchange and its hooks are not among these, nor are the values of the kit's layers: a
// request that is made with this context is a new one, and its span no child of the first
// one's.
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
		return own // package context looks for a parent of its own type, to link a child or ask for the cause
	}
	return v
}

// same reports whether two values are the same. Values of one type that can't be compared
// count as the same.
func same(a, b any) bool {
	if reflect.TypeOf(a) != reflect.TypeOf(b) {
		return false
	}
	if !reflect.ValueOf(a).Comparable() || !reflect.ValueOf(b).Comparable() {
		return true
	}
	return a == b
}
