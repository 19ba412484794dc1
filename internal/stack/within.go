package stack

import (
	"runtime"
	"slices"
	"strings"
)

// An exchange that is made inside of another one must be known if it would wait for a slot
// that the other one holds. Most have the other's context: see Within. Some have not: a
// middleware fetches a token on its own account, say. For these see RepeatedBelow and Inside.

// Within reports whether this exchange is made inside of another one that has not ended, and
// for which p's Begin has returned a state: it holds a slot, say. It may be the other's own,
// below foreign middleware, or a request that such middleware or a dialer makes itself.
func (x *Exchange) Within(p Layer) bool {
	for in, o := x, x.nest.outer; o != nil; in, o = o, o.nest.outer {
		// A dial may go on for another request when its own has ended.
		if o.holds(p) && (in.nest.dials || !o.ended()) {
			return true
		}
	}
	return false
}

// holds reports whether p's Begin has returned a state for this exchange.
func (x *Exchange) holds(p Layer) bool {
	for i, state := range x.layers.all() {
		if x.pipe.layers[i] == p {
			return state != nil
		}
	}
	return false
}

// RepeatedBelow reports whether p stands once more further down, below foreign middleware.
// Then the lower one does what must be done once for a request, and takes the slot, say. If
// the RoundTrippers in between can be looked through, this is known from the start; else from
// the first exchange on that came down with its context.
func (x *Exchange) RepeatedBelow(p Layer) bool {
	if m := x.pipe.repeated.Load(); m != 0 {
		for i, l := range x.pipe.layers {
			if l == p {
				return m&bit(i) != 0
			}
		}
	}
	return false
}

// StandsBelow reports whether p is a layer of the last exchange that was made inside of this
// one as its own, or further down: that one had this one's connection. In End only.
func (x *Exchange) StandsBelow(p Layer) bool {
	x.mu.Lock()
	in, own := x.nest.inner, x.nest.hasOwn
	x.mu.Unlock()
	return own && in != nil && in.nest.own && (slices.Contains(in.pipe.layers, p) || in.StandsBelow(p))
}

// Inside reports whether the goroutine that makes this exchange is in the middle of another
// one, whether its context shows that or not: it dials a connection, or, if middlewares is
// set, it runs foreign middleware. It must be called in a Begin. It takes a microsecond, and
// some more with middlewares.
func Inside(middlewares bool) bool {
	const roundTrip = "/internal/stack.(*Stack).RoundTrip"
	var few [64]uintptr
	pcs := few[:runtime.Callers(2, few[:])]
	if len(pcs) == len(few) {
		pcs = make([]uintptr, 4096)
		pcs = pcs[:runtime.Callers(2, pcs)]
	}
	if dials(pcs) {
		return true
	}
	if !middlewares {
		return false
	}
	found := 0
	eachFrame(pcs, func(function string) {
		if strings.HasSuffix(function, roundTrip) {
			found++
		}
	})
	return found > 1
}

// dials reports whether a goroutine with that stack was started to dial, by package connpool
// or by net/http. The function with which it was started is among its last frames.
func dials(pcs []uintptr) (yes bool) {
	const own, netHTTP = "/internal/connpool.(*Conn).connect", "net/http.(*Transport).dialConnFor"
	eachFrame(pcs[max(0, len(pcs)-4):], func(function string) {
		yes = yes || function == netHTTP || strings.HasSuffix(function, own)
	})
	return yes
}

func eachFrame(pcs []uintptr, f func(function string)) {
	if len(pcs) == 0 {
		return
	}
	for frames := runtime.CallersFrames(pcs); ; {
		frame, more := frames.Next()
		f(frame.Function)
		if !more {
			return
		}
	}
}
