package record

// Signal is something that is to be done once for an exchange.
type Signal uint8

const (
	// SpanSignal is its span, by a TracerProvider.
	SpanSignal Signal = iota
	// RequestSignal, ActiveClaim and ConnClaim are the metrics of the request, that it
	// is under way, and those of its connection, by a MeterProvider.
	RequestSignal
	ActiveSignal
	ConnSignal
	// NewConnSignal is that of new connections: each attempt of a retrier has its own.
	NewConnSignal
)

// Emitter is a Part that claims.
type Emitter interface {
	Layer
	// Emits reports whether it has claimed what for owner. State is what Begin
	// has returned.
	Emits(state any, what Signal, owner any) bool
}

// Claim reports whether nobody has claimed what for owner, which must be
// comparable, in this exchange, nor above somebody else's middleware, of which this
// is the first exchange: of two trace layers with one provider the outer one writes
// the span. Who is told true must say so in Claims. In Begin only.
//
// ConnClaim is the inner one's, if the outer one knows of connections only what the
// last attempt of that middleware brought: see Relieved. NewClaim always is.
func (r *Record) Claim(what Signal, owner any) bool {
	return len(r.pipe.emitters) == 1 && !r.firstOwn || !r.emitted(what, owner)
}

func (r *Record) emitted(what Signal, owner any) bool {
	return r.emits(what, owner) || r.emittedAbove(what, owner)
}

// emits reports whether a part of this exchange has claimed what.
func (r *Record) emits(what Signal, owner any) bool {
	for _, i := range r.pipe.emitters {
		if i < r.begun && r.pipe.layers[i].(Emitter).Emits(r.state(int(i)), what, owner) {
			return true
		}
	}
	return false
}

func (r *Record) emittedAbove(what Signal, owner any) bool {
	switch {
	case !r.firstOwn:
		return false
	case what == NewConnSignal, what == ConnSignal && r.outer.pipe.onlyObserves:
		return r.outer.emittedAbove(what, owner)
	}
	return r.outer.emitted(what, owner)
}

// EmittedBelow reports whether those who claimed what for owner in the exchanges made
// inside of this one do it all; and, if the last of them has ended, whether its body
// was leaked. In End only.
func (r *Record) EmittedBelow(what Signal, owner any) (relieved, ended, leaked bool) {
	if !r.pipe.onlyObserves && what != NewConnSignal {
		return false, false, false
	}
	r.mu.Lock()
	in, own := r.inner, r.hasOwn
	r.mu.Unlock()
	if in == nil || !own {
		return false, false, false
	}
	if !in.emits(what, owner) {
		return in.EmittedBelow(what, owner)
	}
	f := in.Facts()
	return true, f.Outcome != "", f.Leaked
}
