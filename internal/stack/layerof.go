package stack

import (
	"errors"
	"net/http"
)

// LayerOf is the layer of a Middleware of the kit's; nil of a foreign Middleware. To find it,
// the Middleware is put over Nowhere.
func LayerOf(middleware func(http.RoundTripper) http.RoundTripper) Layer {
	s, _ := middleware(Nowhere{}).(*Stack)
	if s == nil {
		return nil
	}
	return s.layer
}

// Nowhere is a base to which no request comes: layers need not replace it, note it, or warn
// of it.
type Nowhere struct{}

func (Nowhere) RoundTrip(req *http.Request) (*http.Response, error) {
	if req.Body != nil {
		req.Body.Close()
	}
	return nil, errors.New("stack: there is nothing below this layer")
}
