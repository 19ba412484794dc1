package http_test

import (
	"flag"
	"net/http"

	"github.com/warmconn/warmconn/drain"
	"github.com/warmconn/warmconn/pool"
	"github.com/warmconn/warmconn/roundtripper"
)

var layersFlag = flag.String("layers", "bare", "what each transport's requests go through")

// TestMain is net/http's own, so the layers can't be set up there.
func init() { http.LayersOver = layersOver }

func layersOver(base *http.Transport) http.RoundTripper {
	switch *layersFlag {
	case "bare":
		return nil
	case "observe":
		return roundtripper.Wrap(base, roundtripper.Observe(roundtripper.Observer{}))
	case "pool":
		return roundtripper.Wrap(base, pool.New(pool.Options{}).Middleware)
	case "kit":
		return roundtripper.Wrap(base, kit())
	case "foreign":
		return roundtripper.Wrap(base, kit(), foreign)
	}
	panic("there are no layers " + *layersFlag)
}

func kit() roundtripper.Middleware {
	return roundtripper.Chain(drain.New(drain.Options{}).Middleware, pool.New(pool.Options{}).Middleware)
}

// foreign is a middleware that the kit does not know.
func foreign(next http.RoundTripper) http.RoundTripper { return roundTripper{next} }

type roundTripper struct{ next http.RoundTripper }

func (rt roundTripper) RoundTrip(req *http.Request) (*http.Response, error) {
	return rt.next.RoundTrip(req)
}

func (rt roundTripper) CloseIdleConnections() { roundtripper.CloseIdleConnections(rt.next) }
