package record

import (
	"cmp"
	"net"
	"net/http"
	"reflect"

	"github.com/warmconn/warmconn/internal/ledger"
)

// Layers on two sides of somebody else's middleware have a record each, for
// that middleware may retry, ask for a token first, change the request or the
// body. What the inner record knows better, the outer one takes over: pool, which
// owns the connections, may stand below, and drain. It does so
// only from an exchange that goes where its own goes, by method, host and path;
// of several, attempts of a retrier say, from the last.

// link enters r as an exchange made inside of another, if it is.
func (r *Record) link() {
	var o *Record
	switch v := r.callerCtx.Value(recordKey{}).(type) {
	case *Record:
		o = v
	case *dialer:
		r.outer, r.dials = (*Record)(v), true
		return
	}
	r.outer = o
	if o == nil || o.ended() {
		return
	}
	r.own = r.target.key == o.target.key && r.path == o.path && methodOf(r.facts.Method) == methodOf(o.facts.Method)
	if !r.own {
		return
	}
	o.mu.Lock()
	r.firstOwn = !o.hasOwn
	o.hasOwn = true
	o.mu.Unlock()
}

// publish shows r, which has begun or was refused, to the records above.
func (r *Record) publish() {
	if r.outer == nil {
		return
	}
	o := r.outer
	o.mu.Lock()
	if in := o.inner; in != nil && in.own && r.own && !in.ended() && o.facts.Outcome == "" { // else it is Final
		o.facts.hedged = true
	}
	o.inner = r
	o.mu.Unlock()
	if r.own && o.pipe.ledger != r.pipe.ledger {
		o.pipe.ledger.Above(r.pipe.ledger)
	}
	for in, o := r, o; o != nil && in.own; in, o = o, o.outer {
		o.pipe.noteRepeated(r.pipe)
	}
	for in, o := r, r.outer; o != nil && in.own && r.facts.PoolWait > 0; in, o = o, o.outer {
		o.mu.Lock()
		if o.facts.Outcome == "" {
			o.facts.PoolWait += r.facts.PoolWait
		}
		o.mu.Unlock()
	}
}

// closedAbove reports whether the context that came down ended because a layer
// above closed the body, and not because its caller wished so.
func (r *Record) closedAbove() bool {
	if !r.own || r.callerCtx.Err() == nil {
		return false
	}
	b := &r.outer.body
	b.mu.Lock()
	closed := b.closed
	b.mu.Unlock()
	return closed && r.outer.callerCtx.Err() == nil || r.outer.closedAbove()
}

// Culprit implements ledger.Exchange: what the layers say, and those above somebody
// else's middleware where these say nothing.
func (r *Record) Culprit() (c ledger.Culprit) {
	if r.own {
		c = r.outer.Culprit()
	}
	for i := range r.begun {
		if w, ok := r.pipe.layers[i].(CulpritSource); ok {
			w.AddCulprit(r.state(int(i)), &c)
		}
	}
	return c
}

func methodOf(m string) string {
	if m == "" {
		return http.MethodGet
	}
	return m
}

// foreignConn reports whether nc is for an exchange that was made inside of
// this one and goes elsewhere: its hook has just run. r.mu is held.
func (r *Record) foreignConn(nc net.Conn) bool {
	if r.inner == nil || r.inner.own {
		return false
	}
	in := r.inner.Facts()
	return sameConn(in.Held, nc)
}

// learnConn takes over what the inner exchange was told of nc. r.mu is held.
func (r *Record) learnConn(nc net.Conn) {
	f := &r.facts
	if r.inner == nil || !r.inner.own || f.hedged {
		return
	}
	in := r.inner.Facts()
	if !sameConn(in.Held, nc) {
		return
	}
	f.ConnID, f.ConnUses, f.ConnAge = in.ConnID, in.ConnUses, in.ConnAge
	f.Reused, f.New, f.ConnWait = in.Reused, in.New, in.ConnWait
}

// ownBelow are the exchanges below somebody else's middleware that are this
// one's own and have not ended; most often there are none.
func (r *Record) ownBelow() (all []*Record) {
	for {
		r.mu.Lock()
		in := r.inner
		r.mu.Unlock()
		if in == nil || !in.own || in.ended() {
			return all
		}
		all = append(all, in)
		r = in
	}
}

func sameConn(a *ledger.Held, b net.Conn) bool {
	return a != nil && reflect.ValueOf(b).Comparable() && a.Conn == b
}

// learnEnd takes over how the inner exchange ended, if it has: it knows better
// whether its connection went back, and may have drained. It reports whether
// the inner exchange had one. r.mu is held.
func (r *Record) learnEnd() bool {
	f := &r.facts
	if r.facts.hedged && f.ConnID != 0 {
		// The response may be one's, and the hooks another's.
		f.Returned, f.LostReason = false, ledger.Unknown
		return false
	}
	if r.inner == nil || !r.inner.own {
		return false
	}
	in := r.inner.Facts()
	if in.Outcome == "" {
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

// drainedBelow adds what an inner exchange has drained.
func (f *Facts) drainedBelow(in *Facts) *Drain {
	d, below := f.Drained(), in.Drain
	d.Bytes, d.Time, d.Cost = d.Bytes+below.Bytes, d.Time+below.Time, cmp.Or(d.Cost, below.Cost)
	if f.Outcome == OutcomeClosed && in.Outcome != OutcomeEOF {
		d.Skipped = below.Skipped
	}
	return &d
}
