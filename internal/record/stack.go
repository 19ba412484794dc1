package record

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
// on each other run as one: the outermost opens one record for all of them.
// Layers on two sides of somebody else's middleware each have their own, and
// the outer one learns from the inner: see link.go.
type Stack struct {
	part Part
	next http.RoundTripper
	base http.RoundTripper // what is below the innermost of the adjacent layers
	keep any               // see Tuned
	why  string            // see Tuned
	pipe *pipeline
}

// pipeline is what records need of their stack. Records are within reach of
// net/http's connections, so it must hold neither a Stack nor a base: a dropped
// stack could not be collected while a connection is open.
type pipeline struct {
	parts  []Part  // outermost first
	order  []uint8 // indexes into parts, in the order of their Ends
	listen []uint8 // those that are Listeners
	claims []uint8 // those that are Claimants
	ledger *ledger.Ledger
	owned  *connpool.Pool // keeps the connections of the base; nil: somebody else does
	reaper *reaper
	// traceKey is what httptrace looks for in a context, nil if unknown.
	traceKey any
	// direct: the base is net/http's transport itself. Then bodies are its
	// own, hooks are called, and contexts end Reads.
	direct bool
	// underRead: and a Close drains by itself, while a Read goes on.
	underRead bool
	// alone: nobody but a *http.Transport has the request that goes down.
	alone  bool
	drains bool // some part does
	later  bool // drains may go on after Close
	// plain: no part waits or drains. What there is to tell of connections is of the
	// exchanges below.
	plain bool
	gzips *gzips
	again atomic.Uint64 // which of parts stand below the base, too: see Record.Again
	sites cache.Map[ledger.Key, *Site]
	spare spares
}

// New puts part over next. A part that is in the stack already is not put
// there again. A nil next is http.DefaultTransport.
func New(next http.RoundTripper, part Part) http.RoundTripper {
	if next == nil {
		next = http.DefaultTransport
	}
	below, _ := next.(*Stack)
	if below != nil && below.pipe.has(part) {
		return below
	}
	t := Tuned{Base: next}
	if below != nil {
		t = Tuned{Base: below.base, Ledger: below.pipe.ledger, Owned: below.pipe.owned, Keep: below.keep}
	} else {
		t.Ledger = ledger.New(chain.Bottom(next))
	}
	if tuner, ok := part.(Tuner); ok {
		tuned := tuner.Tune(t)
		if tuned.Replaced {
			next = rebase(next, tuned)
		}
		t = tuned
	}
	return build(next, part, t)
}

// rebase builds the kit layers of next again over another base.
func rebase(next http.RoundTripper, t Tuned) http.RoundTripper {
	s, ok := next.(*Stack)
	if !ok {
		return t.Base
	}
	return build(rebase(s.next, t), s.part, t)
}

func build(next http.RoundTripper, part Part, t Tuned) *Stack {
	l := &pipeline{parts: []Part{part}, ledger: t.Ledger, owned: t.Owned, reaper: new(reaper), traceKey: findTraceKey()}
	if below, ok := next.(*Stack); ok {
		l.parts = append(l.parts, below.pipe.parts...)
		l.reaper = below.pipe.reaper
	}
	for p := range phases {
		for i, part := range l.parts {
			if part.Phase() == p {
				l.order = append(l.order, uint8(i))
			}
		}
	}
	for i, part := range l.parts {
		if p, ok := part.(Listener); ok && p.Listens() {
			l.listen = append(l.listen, uint8(i))
		}
		if _, ok := part.(Claimant); ok {
			l.claims = append(l.claims, uint8(i))
		}
	}
	tr, ok := t.Base.(*http.Transport)
	l.alone = ok
	l.direct = ok && !chain.Registered(tr)
	if !l.direct {
		l.findAgain(t.Base)
	}
	l.underRead = l.direct && nativeDrain && closesUnderRead(runtime.Version())
	for _, part := range l.parts {
		d, ok := part.(Drainer)
		l.drains = l.drains || ok && d.Drains()
	}
	for _, part := range l.parts {
		if b, ok := part.(Builder); ok {
			b.Built(t.Ledger)
		}
	}
	l.later = l.background() != nil
	l.plain = true
	for _, part := range l.parts {
		l.plain = l.plain && part.Phase() != Slot
	}
	if l.direct && l.drains {
		l.gzips = newGzips(tr)
	}
	return &Stack{part: part, next: next, base: t.Base, keep: t.Keep, why: t.Why, pipe: l}
}

func (l *pipeline) has(p Part) bool {
	for _, x := range l.parts {
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
	d := s.part.Describe(s.pipe.ledger.Watch())
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
func (r *Record) answered(resp *http.Response) {
	for _, i := range r.pipe.listen {
		r.pipe.parts[i].(Listener).Answered(r, r.state(int(i)), resp)
	}
}
