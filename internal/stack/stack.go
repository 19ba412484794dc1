package stack

import (
	"net/http"
	"runtime"
	"sync/atomic"

	"github.com/warmconn/warmconn/internal/cache"
	"github.com/warmconn/warmconn/internal/chain"
	"github.com/warmconn/warmconn/internal/connpool"
	"github.com/warmconn/warmconn/internal/ledger"
)

// Stack is one layer of the kit over what is below it. Layers that stand right
// on each other run as one: the outermost opens one exchange for all of them.
// Layers on two sides of somebody else's middleware each have their own, and
// the outer one learns from the inner: see link.go.
type Stack struct {
	layer Layer
	next  http.RoundTripper
	base  http.RoundTripper // what is below the innermost of the adjacent layers
	keep  any               // see Tuned
	why   string            // see Tuned
	pipe  *pipeline
}

// pipeline is what exchanges need of their stack. Exchanges are within reach of
// net/http's connections, so it must hold neither a Stack nor a base: a dropped
// stack could not be collected while a connection is open.
type pipeline struct {
	layers   []Layer // outermost first
	order    []uint8 // indexes into layers, in the order of their Ends
	listen   []uint8 // those that are Listeners
	emitters []uint8 // those that are Claimants
	ledger   *ledger.Ledger
	owned    *connpool.Pool // keeps the connections of the base; nil: somebody else does
	reaper   *reaper
	// traceKey is what httptrace looks for in a context, nil if unknown.
	traceKey any
	// overNetHTTP: the base is net/http's transport itself. Then bodies are its
	// own, hooks are called, and contexts end Reads.
	overNetHTTP bool
	// underRead: and a Close drains by itself, while a Read goes on.
	underRead bool
	// ownsHeader: nobody but a *http.Transport has the request that goes down.
	ownsHeader         bool
	drains             bool // some layer does
	drainsInBackground bool // drains may go on after Close
	// onlyObserves: no layer waits or drains. What there is to tell of connections is of the
	// exchanges below.
	onlyObserves bool
	gzips        *gzips
	repeated     atomic.Uint64 // which of layers stand below the base, too: see Exchange.RepeatedBelow
	targets      cache.Map[ledger.Key, *Target]
	onEdge       func(from, to bodyPhase) // a test's, called with body.mu locked
	buffers      buffers
}

// New puts layer over next. A layer that is in the stack already is not put
// there again. A nil next is http.DefaultTransport.
func New(next http.RoundTripper, part Layer) http.RoundTripper {
	if next == nil {
		next = http.DefaultTransport
	}
	below, _ := next.(*Stack)
	if below != nil && below.pipe.has(part) {
		return below
	}
	t := Base{Base: next}
	if below != nil {
		t = Base{Base: below.base, Ledger: below.pipe.ledger, Owned: below.pipe.owned, Keep: below.keep}
	} else {
		t.Ledger = ledger.New(chain.Bottom(next))
	}
	if tuner, ok := part.(BaseReplacer); ok {
		tuned := tuner.ReplaceBase(t)
		if tuned.Replaced {
			next = rebase(next, tuned)
		}
		t = tuned
	}
	return build(next, part, t)
}

// rebase builds the kit layers of next again over another base.
func rebase(next http.RoundTripper, t Base) http.RoundTripper {
	s, ok := next.(*Stack)
	if !ok {
		return t.Base
	}
	return build(rebase(s.next, t), s.layer, t)
}

func build(next http.RoundTripper, part Layer, t Base) *Stack {
	l := &pipeline{layers: []Layer{part}, ledger: t.Ledger, owned: t.Owned, reaper: new(reaper), traceKey: findTraceKey()}
	if below, ok := next.(*Stack); ok {
		l.layers = append(l.layers, below.pipe.layers...)
		l.reaper = below.pipe.reaper
	}
	for p := range phases {
		for i, part := range l.layers {
			if part.Phase() == p {
				l.order = append(l.order, uint8(i))
			}
		}
	}
	for i, part := range l.layers {
		if p, ok := part.(Listener); ok && p.Listens() {
			l.listen = append(l.listen, uint8(i))
		}
		if _, ok := part.(Emitter); ok {
			l.emitters = append(l.emitters, uint8(i))
		}
	}
	tr, ok := t.Base.(*http.Transport)
	l.ownsHeader = ok
	l.overNetHTTP = ok && !chain.Registered(tr)
	if !l.overNetHTTP {
		l.findRepeated(t.Base)
	}
	l.underRead = l.overNetHTTP && nativeDrain && closesUnderRead(runtime.Version())
	for _, part := range l.layers {
		d, ok := part.(Drainer)
		l.drains = l.drains || ok && d.Drains()
	}
	for _, part := range l.layers {
		if b, ok := part.(LedgerUser); ok {
			b.UseLedger(t.Ledger)
		}
	}
	l.drainsInBackground = l.background() != nil
	l.onlyObserves = true
	for _, part := range l.layers {
		l.onlyObserves = l.onlyObserves && part.Phase() != Slot
	}
	if l.overNetHTTP && l.drains {
		l.gzips = newGzips(tr)
	}
	return &Stack{layer: part, next: next, base: t.Base, keep: t.Keep, why: t.Why, pipe: l}
}

func (l *pipeline) has(p Layer) bool {
	for _, x := range l.layers {
		if x == p {
			return true
		}
	}
	return false
}

// Unwrap returns the layer below.
func (s *Stack) Unwrap() http.RoundTripper { return s.next }

// WrappedRoundTripper is Unwrap under the name that Kubernetes looks for.
func (s *Stack) WrappedRoundTripper() http.RoundTripper { return s.next }

// CloseIdleConnections reaches the base.
func (s *Stack) CloseIdleConnections() {
	if s.pipe.owned != nil {
		s.pipe.owned.CloseIdleConnections()
	}
	if chain.CloseIdle(s.next) {
		s.pipe.ledger.CloseIdle()
	}
}

// String is the layer's own line.
func (s *Stack) String() string {
	d := s.layer.Describe(s.pipe.ledger.Watch())
	if s.why != "" {
		d += ": " + s.why
	}
	return d
}

// RoundTrip implements http.RoundTripper.
func (s *Stack) RoundTrip(req *http.Request) (*http.Response, error) {
	r := open(s.pipe, req)
	returned := false
	defer func() {
		// A base that panics must not cost a slot.
		if !returned {
			r.finish(OutcomeFailed, errPanicked, nil)
		}
	}()
	if err := r.begin(); err != nil {
		returned = true
		// Nor must a body whose Close does: the layers above have slots already.
		defer r.finish(OutcomeRefused, err, nil)
		r.publish()
		if req.Body != nil {
			req.Body.Close()
		}
		return nil, err
	}
	resp, err := r.send(s.base)
	if err != nil || resp == nil {
		returned = true
		told := err
		if err == nil {
			told = errNoResponse
		}
		r.finish(OutcomeFailed, told, nil)
		runtime.KeepAlive(s)
		return resp, err
	}
	resp = r.respond(s, resp)
	returned = true
	return resp, nil
}

// answered tells the Listeners of the response.
func (x *Exchange) answered(resp *http.Response) {
	for _, i := range x.pipe.listen {
		x.pipe.layers[i].(Listener).Answered(x, x.layers.state(int(i)), resp)
	}
}
