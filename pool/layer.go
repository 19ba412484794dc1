package pool

import (
	"fmt"
	"net/http"

	"github.com/warmconn/warmconn/internal/connpool"
	"github.com/warmconn/warmconn/internal/ledger"
	"github.com/warmconn/warmconn/internal/stack"
)

// layer is the Pool's share in an exchange.
type layer struct{ p *Pool }

func (t layer) Begin(x *stack.Exchange) (any, error) {
	p := t.p
	if p.opts.MaxConnAge > 0 || p.opts.MaxConnRequests > 0 {
		x.RetireAfter(max(p.opts.MaxConnAge, 0), max(p.opts.MaxConnRequests, 0))
	}
	if p.closed.Load() {
		return nil, ErrClosed
	}
	// A request inside of another one that has a slot would wait for itself: a middleware
	// makes one for a token, a dialer for a name. See also lend.go.
	ctx, req, target := x.Context(), x.Request(), x.Target()
	if exempt(ctx) || x.Within(t) {
		x.Exempt()
		return nil, t.beginSlotless(x)
	}
	if x.RepeatedBelow(t) {
		return nil, p.beginSlotless() // its slot is taken further down
	}
	//lint:ignore SA1019 programs still set it, and so does http.Client for its Timeout
	h, v, err := p.acquireAt(ctx, acquisition{cancel: req.Cancel}, target)
	x.AddPoolWait(v.waited)
	if err != nil {
		return nil, err
	}
	x.LimitConns(h.queue.limit)
	if x.Foreign() {
		h.queue.hold(x)
		p.total.hold(x)
	}
	f := p.track(h, req.Method, x.Began(), v.stack)
	if f == nil {
		return h, nil
	}
	if p.watchers.list.Load() != nil {
		p.watchers.began(x, f.stack)
	}
	return f, nil
}

// beginSlotless is Begin for an exchange that takes no slot.
func (t layer) beginSlotless(x *stack.Exchange) error {
	if err := t.p.beginSlotless(); err != nil {
		return err
	}
	t.p.watchers.began(x, nil)
	return nil
}

// AddCulprit implements stack.CulpritSource.
func (t layer) AddCulprit(state any, c *ledger.Culprit) {
	if f, ok := state.(*inFlight); ok {
		c.Stack = f.stack
	}
}

func (t layer) End(x *stack.Exchange, state any, f *stack.Facts) {
	h, fl := stateOf(state)
	var stack []uintptr
	if fl != nil {
		stack = fl.stack
	}
	if t.p.watchers.list.Load() != nil {
		t.p.watchers.ended(x, f, stack)
	}
	if f.New != nil {
		t.gotNew(x, h, f.New)
	}
	if h == nil {
		t.p.endSlotless()
		return
	}
	if f.Foreign {
		t.letGo(x, h)
	}
	if fl != nil {
		t.p.ended(fl)
	}
	t.p.release(h, f)
	t.p.ends.ring()
	if f.Leaked {
		t.p.crowd.leaked.Store(true)
		t.p.leaks.note(leakSite{host: x.Host(), method: x.Method(), stack: stack}, f.Duration)
	}
	if f.Leaked && t.p.opts.OnLeak != nil {
		// Other leaked bodies wait for this goroutine to end them, and OnLeak may wait for
		// the slot of one of them.
		go t.p.leaked(x.Host(), x.Method(), f.Duration, stack)
	}
}

// letGo is for an exchange that has come back from below the kit's layers, where foreign
// middleware had it.
func (t layer) letGo(x *stack.Exchange, h *host) {
	h.queue.letGo(x)
	t.p.total.letGo(x)
}

// stateOf returns what Begin has returned as the state: the host whose slot the exchange has,
// and its record, if it has one. Both are nil for an exchange without a slot.
func stateOf(state any) (*host, *inFlight) {
	switch state := state.(type) {
	case *host:
		return state, nil
	case *inFlight:
		return state.host, state
	}
	return nil, nil
}

func (t layer) Phase() stack.Phase { return stack.Slot }

// Listens implements stack.Listener.
func (t layer) Listens(foreign bool) bool {
	return t.p.tracks() || t.p.opts.OpenBodies != nil || foreign && t.p.limits()
}

// Answered implements stack.Listener: the body is open from now on.
func (t layer) Answered(x *stack.Exchange, state any, _ *http.Response) {
	h, f := stateOf(state)
	if h != nil && x.Foreign() {
		t.letGo(x, h)
	}
	if f != nil {
		t.p.answered(f)
	}
}

// ReplaceBase implements stack.BaseReplacer: a plain transport is replaced by a shared one,
// whose connections the Pool owns.
func (t layer) ReplaceBase(b stack.Base) stack.Base {
	p := t.p
	if _, ok := b.Base.(stack.Nowhere); ok {
		return b
	}
	base, ok := b.Base.(*http.Transport)
	if !ok {
		p.bases.note(b.Ledger)
		b.Why = p.notOwned(b.Base, "")
		return b
	}
	if s := p.bases.sharedOf(base); s != nil {
		p.bases.note(s.ledger)
		return stack.Base{Base: base, Ledger: s.ledger, Owned: s.conns, Keep: s}
	}
	if b.Ledger.Watch() == ledger.Owned {
		// Another pool's clone, further down in this stack. Cloning it again
		// would split its connections in two.
		p.bases.note(b.Ledger)
		return b
	}
	s, why := p.shared(base)
	if s == nil {
		p.bases.note(b.Ledger)
		b.Why = p.notOwned(base, why)
		return b
	}
	return stack.Base{Base: s.transport, Ledger: s.ledger, Owned: s.conns, Keep: s, Replaced: true}
}

// Describe returns the pool's line in roundtripper.Describe. If the Pool only counts
// requests, the stack adds the reason: see stack.Base.
func (t layer) Describe(w ledger.Watch) string {
	limit := "no limit"
	switch n := t.p.opts.MaxPerHost; {
	case n > 0:
		limit = fmt.Sprintf("at most %d in flight per host", n)
	case t.p.opts.MaxTotal > 0:
		limit = "no limit per host"
	}
	if len(t.p.hosts) > 0 || t.p.opts.HostLimits != nil {
		limit += " but for single ones"
	}
	if n := t.p.opts.MaxTotal; n > 0 {
		limit += fmt.Sprintf(", at most %d in all", n)
	}
	switch w {
	case ledger.Owned:
		if d := t.p.opts.Resolve; d > 0 {
			limit += fmt.Sprintf("; looks names up again every %v", d)
		}
		if n := t.p.opts.MinIdlePerHost; n > 0 {
			limit += fmt.Sprintf("; keeps %d idle per host in use", n)
		}
		limit += t.p.describeSpread()
		return "pool: " + limit + "; owns the connections, made by a private clone of the transport; learns for how long servers keep idle ones, and condemns those on dead paths; the transport's own CloseIdleConnections closes none, the Pool's does, and takes a replaced TLSClientConfig over"
	}
	return "pool: " + limit + "; only counts requests"
}

// DescribeOwned implements stack.OwnedDescriber.
func (t layer) DescribeOwned(conns *connpool.Pool) string {
	if s := conns.Sessions(); s != "" {
		return "; " + s
	}
	return ""
}
