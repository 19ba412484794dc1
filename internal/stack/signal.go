package stack

// Signal is something that is to be done once for an exchange.
type Signal uint8

const (
	// SpanSignal is its span, by a TracerProvider.
	SpanSignal Signal = iota
	// RequestSignal, ActiveSignal and ConnSignal are the metrics of the request, that it
	// is under way, and those of its connection, by a MeterProvider.
	RequestSignal
	ActiveSignal
	ConnSignal
	// NewConnSignal is that of new connections: each attempt of a retrier has its own.
	NewConnSignal
)

// Emitter is a Layer that claims.
type Emitter interface {
	Layer
	// Emits reports whether it has claimed what for owner. State is what Begin
	// has returned.
	Emits(state any, what Signal, owner any) bool
}

// Claim reports whether no layer has claimed what for owner, which must be
// comparable, in this exchange, nor above foreign middleware, of which this
// is the first exchange: of two trace layers with one provider the outer one writes
// the span. Who is told true must say so in Claims. In Begin only.
//
// ConnSignal is the inner one's, if the outer one knows of connections only what the
// last attempt of that middleware brought: see EmittedBelow. NewConnSignal always is.
func (x *Exchange) Claim(what Signal, owner any) bool {
	return len(x.pipe.emitters) == 1 && !x.nest.firstOwn || !x.emitted(what, owner)
}

func (x *Exchange) emitted(what Signal, owner any) bool {
	return x.emits(what, owner) || x.emittedAbove(what, owner)
}

// emits reports whether a layer of this exchange has claimed what.
func (x *Exchange) emits(what Signal, owner any) bool {
	states := x.layers.all()
	for _, i := range x.pipe.emitters {
		if int(i) < len(states) && x.pipe.layers[i].(Emitter).Emits(states[i], what, owner) {
			return true
		}
	}
	return false
}

func (x *Exchange) emittedAbove(what Signal, owner any) bool {
	switch {
	case !x.nest.firstOwn:
		return false
	case what == NewConnSignal, what == ConnSignal && x.nest.outer.pipe.onlyObserves:
		return x.nest.outer.emittedAbove(what, owner)
	}
	return x.nest.outer.emitted(what, owner)
}

// EmittedBelow reports whether those who claimed what for owner in the exchanges made
// inside of this one do it all; and, if the last of them has ended, whether its body
// was leaked. In End only.
func (x *Exchange) EmittedBelow(what Signal, owner any) (relieved, ended, leaked bool) {
	if !x.pipe.onlyObserves && what != NewConnSignal {
		return false, false, false
	}
	x.mu.Lock()
	in, own := x.nest.inner, x.nest.hasOwn
	x.mu.Unlock()
	if in == nil || !own {
		return false, false, false
	}
	if !in.emits(what, owner) {
		return in.EmittedBelow(what, owner)
	}
	f := in.Facts()
	return true, f.Outcome != OutcomePending, f.Leaked
}
