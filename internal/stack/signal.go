package stack

// Signal is a part of an exchange's telemetry that must be written once.
type Signal uint8

const (
	// SpanSignal is the exchange's span, for a TracerProvider.
	SpanSignal Signal = iota
	// RequestSignal, ActiveSignal and ConnSignal are metrics, for a MeterProvider: of the
	// request, of requests under way, and of the connection.
	RequestSignal
	ActiveSignal
	ConnSignal
	// NewConnSignal is the metric of a new connection: each attempt of a retrier has its
	// own.
	NewConnSignal
)

// Emitter is a Layer that claims signals.
type Emitter interface {
	Layer
	// Emits reports whether the layer has claimed the signal what for owner. State is what
	// Begin has returned.
	Emits(state any, what Signal, owner any) bool
}

// Claim asks to write the signal what for a provider, which owner returns, and which must be
// comparable. Owner is called only if another layer may have claimed the signal. Claim returns
// false if another layer has claimed it for that owner: in this exchange, or, if this is the
// first exchange below foreign middleware, in the exchange above. So of two trace layers with
// one provider the outer one writes the span. After true the layer's Emits must return true.
// In Begin only.
//
// NewConnSignal is always for the inner layer to write. So is ConnSignal if the outer one
// knows only the connection of that middleware's last attempt: see EmittedBelow.
func (x *Exchange) Claim(what Signal, owner func() any) bool {
	return len(x.pipe.emitters) == 1 && !x.nest.firstOwn || !x.emitted(what, owner())
}

func (x *Exchange) emitted(what Signal, owner any) bool {
	return x.emits(what, owner) || x.emittedAbove(what, owner)
}

// emits reports whether a layer of this exchange has claimed the signal.
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

// EmittedBelow reports whether layers of the exchanges inside of this one write the signal
// what for owner, as in Claim, so that this one must not: relieved. Ended says whether the last of
// these exchanges has ended, and leaked whether its body was leaked. In End only.
func (x *Exchange) EmittedBelow(what Signal, owner func() any) (relieved, ended, leaked bool) {
	if !x.pipe.onlyObserves && what != NewConnSignal {
		return false, false, false
	}
	x.mu.Lock()
	in, own := x.nest.inner, x.nest.hasOwn
	x.mu.Unlock()
	if in == nil || !own {
		return false, false, false
	}
	if !in.emits(what, owner()) {
		return in.EmittedBelow(what, owner)
	}
	f := in.Facts()
	return true, f.Outcome != OutcomePending, f.Leaked
}
