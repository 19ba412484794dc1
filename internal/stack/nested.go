package stack

import (
	"cmp"
	"net"
	"net/http"
	"reflect"

	"github.com/warmconn/warmconn/internal/ledger"
)

// Layers on two sides of foreign middleware have an exchange each, for that middleware may
// retry, ask for a token first, or change the request or the body. Pool, which owns the
// connections, may stand below, and so may drain: then the inner exchange knows better, and
// the outer one takes its facts over. It does so only from an exchange of its own, one that
// goes where it goes itself, by method, host and path. If there are several, a retrier's
// attempts say, it takes the facts of the last.

// nesting is the place of an exchange among others.
type nesting struct {
	outer    *Exchange // the exchange inside of which this one is made, if any
	own      bool      // it is outer's own, and not one for a token or a name: see link
	firstOwn bool      // it is the first of outer's own
	dials    bool      // a dialer makes it, for outer's connection

	// Exchange.mu guards these two. Inner is the last exchange that was made inside of this
	// one: it leads to no Body.
	inner  *Exchange
	hasOwn bool // an inner exchange was this one's own
}

// link sets nest for an exchange that is made inside of another.
func (x *Exchange) link() {
	var o *Exchange
	switch v := x.request.ctx.Value(exchangeKey{}).(type) {
	case *Exchange:
		o = v
	case *dialer:
		x.nest.outer, x.nest.dials = (*Exchange)(v), true
		return
	}
	x.nest.outer = o
	if o == nil || o.ended() {
		return
	}
	x.nest.own = x.request.target.Key == o.request.target.Key && x.request.path == o.request.path && methodOf(x.facts.Method) == methodOf(o.facts.Method)
	if !x.nest.own {
		return
	}
	o.mu.Lock()
	x.nest.firstOwn = !o.nest.hasOwn
	o.nest.hasOwn = true
	o.mu.Unlock()
}

// publish shows x, which has begun or was refused, to the exchanges inside of which it is
// made.
func (x *Exchange) publish() {
	o := x.nest.outer
	o.mu.Lock()
	if in := o.nest.inner; in != nil && in.nest.own && x.nest.own && !in.ended() && o.facts.Outcome == OutcomePending { // else o's facts are final
		o.facts.hedged = true
	}
	o.nest.inner = x
	o.mu.Unlock()
	if x.nest.own && o.pipe.ledger != x.pipe.ledger {
		o.pipe.ledger.SetInner(x.pipe.ledger)
	}
	for in, o := x, o; o != nil && in.nest.own; in, o = o, o.nest.outer {
		o.pipe.noteRepeated(x.pipe)
	}
	for in, o := x, x.nest.outer; o != nil && in.nest.own && x.facts.PoolWait > 0; in, o = o, o.nest.outer {
		o.mu.Lock()
		if o.facts.Outcome == OutcomePending {
			o.facts.PoolWait += x.facts.PoolWait
		}
		o.mu.Unlock()
	}
}

// closedAbove reports whether the context that came down has ended because a layer above has
// closed the body, and not because the program has ended it.
func (x *Exchange) closedAbove() bool {
	if !x.nest.own || x.request.ctx.Err() == nil {
		return false
	}
	b := &x.nest.outer.body
	b.mu.Lock()
	closed := b.phase.closed()
	b.mu.Unlock()
	return closed && x.nest.outer.request.ctx.Err() == nil || x.nest.outer.closedAbove()
}

func methodOf(m string) string {
	if m == "" {
		return http.MethodGet
	}
	return m
}

// foreignConnLocked reports whether nc is for an exchange that was made inside of this one
// and goes elsewhere. That exchange's own hook has run just before.
func (x *Exchange) foreignConnLocked(nc net.Conn) bool {
	if x.nest.inner == nil || x.nest.inner.nest.own {
		return false
	}
	in := x.nest.inner.Facts()
	return sameConn(in.Held, nc)
}

// learnConnLocked takes over the inner exchange's facts of nc.
func (x *Exchange) learnConnLocked(nc net.Conn) {
	f := &x.facts
	if x.nest.inner == nil || !x.nest.inner.nest.own || f.hedged {
		return
	}
	in := x.nest.inner.Facts()
	if !sameConn(in.Held, nc) {
		return
	}
	f.ConnID, f.ConnUses, f.ConnAge = in.ConnID, in.ConnUses, in.ConnAge
	f.Reused, f.New, f.ConnWait, f.LimitWait = in.Reused, in.New, in.ConnWait, in.LimitWait
}

// ownBelow are the exchanges below foreign middleware that are this one's own and have not
// ended; most often there are none.
func (x *Exchange) ownBelow() (all []*Exchange) {
	for {
		x.mu.Lock()
		in := x.nest.inner
		x.mu.Unlock()
		if in == nil || !in.nest.own || in.ended() {
			return all
		}
		all = append(all, in)
		x = in
	}
}

func sameConn(a *ledger.NetConn, b net.Conn) bool {
	return a != nil && reflect.ValueOf(b).Comparable() && a.Conn == b
}

// learnEndLocked takes over the end of the inner exchange, if that has ended: it knows better
// whether the connection went back, and may have drained the body. It reports whether the
// inner exchange had a connection. There must be an inner exchange.
func (x *Exchange) learnEndLocked() bool {
	f := &x.facts
	if x.facts.hedged && f.ConnID != 0 {
		// The response may be that of one inner exchange, and the hooks may have told of
		// another.
		f.Returned, f.LostReason = false, ledger.Unknown
		return false
	}
	if !x.nest.inner.nest.own {
		return false
	}
	in := x.nest.inner.Facts()
	if in.Outcome == OutcomePending {
		return false
	}
	if in.ConnID != 0 {
		f.Returned, f.LostReason = in.Returned, in.LostReason
	}
	if in.Drain != nil {
		f.Drain = f.drainedBelow(&in)
	}
	switch {
	case f.Outcome == OutcomeClosed && in.Outcome != OutcomeEOF:
		f.Outcome = in.Outcome
	case f.Outcome == OutcomeFailed && in.Outcome == OutcomeRefused && is(f.Err, in.Err):
		f.Outcome = OutcomeRefused
	}
	return in.ConnID != 0
}

// drainedBelow adds the drain of an inner exchange.
func (f *Facts) drainedBelow(in *Facts) *Drain {
	d, below := f.Drained(), in.Drain
	d.Bytes, d.Time, d.Cost = d.Bytes+below.Bytes, d.Time+below.Time, cmp.Or(d.Cost, below.Cost)
	if f.Outcome == OutcomeClosed && in.Outcome != OutcomeEOF {
		d.Skipped = below.Skipped
	}
	return &d
}
