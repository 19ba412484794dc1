package stack

import (
	"net/http"

	"github.com/warmconn/warmconn/internal/chain"
	"github.com/warmconn/warmconn/internal/connpool"
)

// OwnedBy finds, from rt down, a stack that has part among its layers and owns its
// connections, and returns these and its layers. If there is none it says why: in the words
// of Describe, or empty if part is in no stack there.
func OwnedBy(rt http.RoundTripper, part Layer) (owned *connpool.Pool, layers []Layer, why string) {
	chain.Walk(rt, func(rt http.RoundTripper) bool {
		s, ok := rt.(*Stack)
		if !ok || !s.pipe.has(part) {
			return true
		}
		if s.pipe.owned != nil {
			owned, layers = s.pipe.owned, s.pipe.layers
			return false
		}
		if s.layer == part { // part's own line says why
			why = s.String()
		}
		return true
	})
	return owned, layers, why
}
