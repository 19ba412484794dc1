package otelhttp

import (
	"net/http"
	"net/http/httptrace"
	"sync"

	"github.com/warmconn/warmconn/drain"
	"github.com/warmconn/warmconn/pool"
	"github.com/warmconn/warmconn/roundtripper"
	"github.com/warmconn/warmconn/trace"
)

// layersFlag is set by the tests.
var layersFlag = "bare"

// layers is a field of Transport: what its requests go through in the place of its own code.
type layers struct {
	config *config // nil for a Transport that a test has made by itself
	once   sync.Once
	stack  http.RoundTripper
}

func (t *Transport) RoundTrip(req *http.Request) (*http.Response, error) {
	l := &t.layers
	if layersFlag == "bare" || l.config == nil {
		return t.nativeRoundTrip(req)
	}
	l.once.Do(func() { l.stack = l.config.over(t.rt) })
	return l.stack.RoundTrip(req)
}

// over puts the layers over base, with the options that there are for otelhttp's.
func (c *config) over(base http.RoundTripper) http.RoundTripper {
	o := trace.Options{
		TracerProvider: c.TracerProvider,
		MeterProvider:  c.MeterProvider,
		Propagator:     c.Propagators,
		ScopeName:      ScopeName,
		ScopeVersion:   Version,
		SpanName:       func(req *http.Request) string { return c.SpanNameFormatter("", req) },
		Skip: func(req *http.Request) bool {
			for _, filter := range c.Filters {
				if !filter(req) {
					return true
				}
			}
			return false
		},
	}
	if c.ClientTrace != nil {
		base = clientTraced{base, c}
	}
	mw := []roundtripper.Middleware{trace.New(o).Middleware}
	switch layersFlag {
	case "trace":
	case "kit":
		mw = append(mw, drain.New(drain.Options{}).Middleware, pool.New(pool.Options{}).Middleware)
	default:
		panic("there are no layers " + layersFlag)
	}
	return roundtripper.Wrap(base, mw...)
}

// clientTraced is WithClientTrace, which is a RoundTripper's below trace.
type clientTraced struct {
	next http.RoundTripper
	c    *config
}

func (t clientTraced) RoundTrip(req *http.Request) (*http.Response, error) {
	ctx := req.Context()
	return t.next.RoundTrip(req.WithContext(httptrace.WithClientTrace(ctx, t.c.ClientTrace(ctx))))
}
