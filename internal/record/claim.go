package record

// Claim is something that is to be done once for an exchange.
type Claim uint8

const (
	// SpanClaim is its span, by a TracerProvider.
	SpanClaim Claim = iota
	// RequestClaim, ActiveClaim and ConnClaim are the metrics of the request, that it
	// is under way, and those of its connection, by a MeterProvider.
	RequestClaim
	ActiveClaim
	ConnClaim
	// NewClaim is that of new connections: each attempt of a retrier has its own.
	NewClaim
)

// Claimant is a Part that claims.
type Claimant interface {
	Part
	// Claims reports whether it has claimed what for owner. State is what Begin
	// has returned.
	Claims(state any, what Claim, owner any) bool
}

// Claim reports whether nobody has claimed what for owner, which must be
// comparable, in this exchange, nor above somebody else's middleware, of which this
// is the first exchange: of two trace layers with one provider the outer one writes
// the span. Who is told true must say so in Claims. In Begin only.
//
// ConnClaim is the inner one's, if the outer one knows of connections only what the
// last attempt of that middleware brought: see Relieved. NewClaim always is.
func (r *Record) Claim(what Claim, owner any) bool {
	return len(r.pipe.claims) == 1 && !r.first || !r.claimed(what, owner)
}

func (r *Record) claimed(what Claim, owner any) bool {
	return r.claims(what, owner) || r.claimedAbove(what, owner)
}

// claims reports whether a part of this exchange has claimed what.
func (r *Record) claims(what Claim, owner any) bool {
	for _, i := range r.pipe.claims {
		if i < r.begun && r.pipe.parts[i].(Claimant).Claims(r.state(int(i)), what, owner) {
			return true
		}
	}
	return false
}

func (r *Record) claimedAbove(what Claim, owner any) bool {
	switch {
	case !r.first:
		return false
	case what == NewClaim, what == ConnClaim && r.outer.pipe.plain:
		return r.outer.claimedAbove(what, owner)
	}
	return r.outer.claimed(what, owner)
}

// Relieved reports whether those who claimed what for owner in the exchanges made
// inside of this one do it all; and, if the last of them has ended, whether its body
// was leaked. In End only.
func (r *Record) Relieved(what Claim, owner any) (relieved, ended, leaked bool) {
	if !r.pipe.plain && what != NewClaim {
		return false, false, false
	}
	r.mu.Lock()
	in, own := r.inner, r.continued
	r.mu.Unlock()
	if in == nil || !own {
		return false, false, false
	}
	if !in.claims(what, owner) {
		return in.Relieved(what, owner)
	}
	f := in.Facts()
	return true, f.Outcome != "", f.Leaked
}
