package record

import (
	"net/http"
	"runtime"

	"github.com/warmconn/warmconn/internal/chain"
	"github.com/warmconn/warmconn/internal/ledger"
)

// Stack is one layer of the kit over what is below it. Layers that stand right
// on each other run as one: the outermost opens one record for all of them.
type Stack struct {
	part Part
	next http.RoundTripper
	base http.RoundTripper // what is below the innermost of the adjacent layers
	keep any               // see Tuned
	line *line
}

// line is what records need of their stack. Records are within reach of
// net/http's connections, so it must hold neither a Stack nor a base: a dropped
// stack could not be collected while a connection is open.
type line struct {
	parts  []Part  // outermost first
	order  []uint8 // indexes into parts, in the order of their Ends
	ledger *ledger.Ledger
	reaper *reaper
	// id is this line's own; heir is the line that may take a record over
	// below somebody else's middleware, nil if none is known. Two fields of
	// one pointer type, compared and never followed.
	id, heir *identity
	// hooked: the bottom is net/http's transport and will call our hooks.
	hooked bool
}

type identity struct{ _ byte }

// New puts part over next. A part that is in the stack already is not put
// there again. A nil next is http.DefaultTransport.
func New(next http.RoundTripper, part Part) http.RoundTripper {
	if next == nil {
		next = http.DefaultTransport
	}
	below, _ := next.(*Stack)
	if below != nil && below.line.has(part) {
		return below
	}
	t := Tuned{Base: next}
	if below != nil {
		t = Tuned{Base: below.base, Ledger: below.line.ledger, Keep: below.keep}
	} else {
		t.Ledger = ledger.New(chain.Bottom(next), false)
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
	s := &Stack{part: part, next: next, base: t.Base, keep: t.Keep}
	s.line = &line{parts: []Part{part}, ledger: t.Ledger, id: new(identity)}
	if below, ok := next.(*Stack); ok {
		s.line.parts = append(s.line.parts, below.line.parts...)
		s.line.reaper = below.line.reaper
		s.line.heir = below.line.heir
	} else {
		s.line.reaper = new(reaper)
		s.line.heir = heirBelow(next)
	}
	for p := range phases {
		for i, part := range s.line.parts {
			if part.Phase() == p {
				s.line.order = append(s.line.order, uint8(i))
			}
		}
	}
	_, s.line.hooked = chain.Bottom(t.Base).(*http.Transport)
	return s
}

// heirBelow finds the next kit stack below somebody else's middleware.
func heirBelow(rt http.RoundTripper) (id *identity) {
	chain.Walk(rt, func(rt http.RoundTripper) bool {
		s, ok := rt.(*Stack)
		if ok {
			id = s.line.id
		}
		return !ok
	})
	return id
}

// Link tells rt that below is the kit stack under it, where the middleware
// between them can't be unwrapped. It returns the kit stack that the next
// layer up should be linked to. Only for a chain that is being built.
func Link(rt, below http.RoundTripper) http.RoundTripper {
	s, ok := rt.(*Stack)
	if !ok {
		return below
	}
	_, adjacent := s.next.(*Stack)
	if b, ok := below.(*Stack); ok && b != s && !adjacent && s.line.heir == nil {
		s.line.heir = b.line.id
	}
	return s
}

func (l *line) has(p Part) bool {
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
	s.line.ledger.CloseIdle()
	chain.CloseIdle(s.next)
}

// String is the layer's own line.
func (s *Stack) String() string { return s.part.Describe(s.line.ledger.Watched()) }

// RoundTrip implements http.RoundTripper.
func (s *Stack) RoundTrip(req *http.Request) (*http.Response, error) {
	l := open(s.line, req)
	sent := false
	defer func() {
		// A base that panics must not cost a slot.
		if !sent {
			l.finish(OutcomeFailed, errPanicked)
		}
	}()
	if err := l.begin(); err != nil {
		sent = true
		if req.Body != nil {
			req.Body.Close()
		}
		l.finish(OutcomeRefused, err)
		return nil, err
	}
	resp, err := s.base.RoundTrip(l.send(req))
	sent = true
	if err != nil || resp == nil {
		l.finish(OutcomeFailed, err)
		runtime.KeepAlive(s)
		return resp, err
	}
	return l.respond(s, resp), nil
}
