package stack

import (
	"context"
	"math"
	"net/http"
	"time"

	"github.com/warmconn/warmconn/internal/ledger"
)

// The methods by which a Layer asks for facts of an exchange, and acts on it.

// Context is the caller's context, with the values that layers have put into it so far.
func (x *Exchange) Context() context.Context { return x.request.ctx }

// SetContext replaces the context that goes down, in Begin only. It must be
// derived from Context.
func (x *Exchange) SetContext(ctx context.Context) { x.request.ctx = ctx }

// Began is when the exchange began.
func (x *Exchange) Began() time.Time { return x.facts.Start }

// Target is the exchange's host, as its stack knows it.
func (x *Exchange) Target() *Target { return x.request.target }

// Foreign reports whether the base is not net/http's own transport: most often it is foreign
// middleware.
func (x *Exchange) Foreign() bool { return x.facts.Foreign }

// Request is the request as the caller made it. It must not be changed.
func (x *Exchange) Request() *http.Request { return x.request.orig }

// SetConnSpan says which span stands for the making of the exchange's connection. Exchanges
// that are given the connection later find it in their Facts.
func (x *Exchange) SetConnSpan(s ledger.Span) { x.conn.SetSpan(s) }

// RetireAfter retires the exchange's connection after the exchange, if it has come to that
// age or number of uses; 0: no limit. Of several limits the smallest holds. Like all limits on
// connections it does nothing where the kit does not own them. In Begin only.
func (x *Exchange) RetireAfter(age time.Duration, uses int) {
	x.entry.MaxAge = least(x.entry.MaxAge, age)
	x.entry.MaxUses = least(x.entry.MaxUses, int32(min(uses, math.MaxInt32))) // #nosec G115 -- bounded; the caller gives none below 0
}

// LimitConns bounds the connections to the exchange's host over HTTP/1; 0: no
// limit. Of several the smallest holds. In Begin only.
func (x *Exchange) LimitConns(n int) {
	x.entry.MaxConns = least(x.entry.MaxConns, int32(min(n, math.MaxInt32))) // #nosec G115 -- bounded; the caller gives none below 0
}

// least is the smaller of two limits, of which 0 is none.
func least[T int32 | time.Duration](a, b T) T {
	if a <= 0 || b > 0 && b < a {
		return max(b, 0)
	}
	return a
}

// Exempt says that the limits do not count this exchange. In Begin only.
func (x *Exchange) Exempt() { x.entry.Exempt = true }

// AddPoolWait notes how long the exchange waited for a slot. In Begin only.
func (x *Exchange) AddPoolWait(d time.Duration) { x.facts.PoolWait += d }

// Facts returns the facts so far.
func (x *Exchange) Facts() Facts {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.facts
}

// Host is the name of the exchange's host, as in "https://example.com:443".
func (x *Exchange) Host() string { return x.request.target.Name }

// Method is the request's, as the caller wrote it.
func (x *Exchange) Method() string { return x.facts.Method }

// Path is the path of the request's URL, without its query.
func (x *Exchange) Path() string { return x.request.path }
