package stack

import (
	"net/http"

	"github.com/warmconn/warmconn/internal/ledger"
)

// The calls of an exchange's layers: they begin, hear of the response, name the maker of the
// exchange, and end.

// begun has the states of the first n layers, none of which has refused the request. A state
// is what the layer's Begin has returned; nil for a layer without one. If there are more than
// four layers, all states are in more.
type begun struct {
	states [4]any
	more   *[]any
	n      uint8
}

// room returns room for the states of n layers.
func (b *begun) room(n int) []any {
	if n > len(b.states) {
		all := make([]any, n)
		b.more = &all
		return all
	}
	return b.states[:n]
}

// all returns the states, by layer. Until all layers have begun they are fewer than the
// layers.
func (b *begun) all() []any {
	if b.more != nil {
		return (*b.more)[:b.n]
	}
	return b.states[:b.n]
}

// begin runs the layers down to the first that refuses.
func (x *Exchange) begin() (err error) {
	states := x.layers.room(len(x.pipe.layers))
	for _, b := range x.pipe.begin {
		x.layers.n = b.at
		if states[b.at], err = b.Begin(x); err != nil {
			return err
		}
	}
	x.layers.n = uint8(len(states)) // #nosec G115 -- the layers of a stack are few
	return nil
}

// answered tells the Listeners of the response.
func (x *Exchange) answered(resp *http.Response) {
	states := x.layers.all()
	for _, i := range x.pipe.listen {
		x.pipe.layers[i].(Listener).Answered(x, states[i], resp)
	}
}

// Culprit implements ledger.Owner. The layers say it; where they do not, the layers above
// foreign middleware do.
func (x *Exchange) Culprit() (c ledger.Culprit) {
	if x.nest.own {
		c = x.nest.outer.Culprit()
	}
	for i, state := range x.layers.all() {
		if w, ok := x.pipe.layers[i].(CulpritSource); ok {
			w.AddCulprit(state, &c)
		}
	}
	return c
}

// endLayers runs the Ends of the layers that have begun, phase by phase. The facts do not
// change any more.
func (x *Exchange) endLayers() {
	states := x.layers.all()
	for _, e := range x.pipe.end {
		if int(e.at) < len(states) {
			e.End(x, states[e.at], &x.facts)
		}
	}
}
