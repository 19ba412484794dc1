package stack

import (
	"errors"
	"net/http"
)

// LayerOf is the kit's layer that a Middleware puts over what it is given; nil of anybody
// else's Middleware. The layer stands over Nowhere for it.
func LayerOf(middleware func(http.RoundTripper) http.RoundTripper) Layer {
	s, _ := middleware(Nowhere{}).(*Stack)
	if s == nil {
		return nil
	}
	return s.layer
}

// Nowhere is a base that no request comes to: there is nothing to replace about it, to
// note, or to warn of.
type Nowhere struct{}

func (Nowhere) RoundTrip(req *http.Request) (*http.Response, error) {
	if req.Body != nil {
		req.Body.Close()
	}
	return nil, errors.New("stack: there is nothing below this layer")
}
