package pool

import (
	"net/http"
	"runtime"
	"time"

	"github.com/warmconn/warmconn/internal/connpool"
)

const (
	// idleFloor is how many idle connections of a host decay leaves, when the
	// pool follows use: a small burst finds them, and they cost little.
	idleFloor = 8
	// decays is how often in one IdleTimeout, decayMin and decayMax how far
	// apart at least and at most.
	decays             = 6
	decayMin, decayMax = time.Second, 30 * time.Second
	// defaultIdleTimeout is http.DefaultTransport's.
	defaultIdleTimeout = 90 * time.Second
)

// keep says how many connections over base, or its clone as it was made, are kept,
// and for how long.
func (p *Pool) keep(base *http.Transport) connpool.Options {
	o := connpool.Options{
		MaxIdlePerHost: p.opts.MaxIdlePerHost,
		MaxIdle:        max(base.MaxIdleConns, 0),
		MaxConns:       max(base.MaxConnsPerHost, 0),
		MaxAge:         max(p.opts.MaxConnAge, 0),
		MaxUses:        max(p.opts.MaxConnRequests, 0),
		TLSSessions:    max(p.opts.TLSSessions, 0),
		Life:           p.opts.Listener.life(),
		Resolve:        max(p.opts.Resolve, 0),
		LookupNetIP:    p.opts.LookupNetIP,
		MinHTTP2:       max(p.opts.MinHTTP2Conns, 0),
		MaxStreams:     max(p.opts.MaxStreamsPerConn, 0),
		MinIdle:        max(p.opts.MinIdlePerHost, 0),
	}
	if o.MaxIdlePerHost == 0 {
		o.MaxIdlePerHost = idlePerHost(base)
	}
	switch d := p.opts.IdleTimeout; {
	case d > 0:
		o.IdleTimeout = d
	case d == 0 && base.IdleConnTimeout > 0:
		o.IdleTimeout = base.IdleConnTimeout
	case d == 0:
		o.IdleTimeout = defaultIdleTimeout
	}
	if p.opts.MaxIdlePerHost == 0 {
		o.DecayFloor, o.DecayEvery = idleFloor, decayMax
		if o.IdleTimeout > 0 {
			o.DecayEvery = min(max(o.IdleTimeout/decays, decayMin), decayMax)
		}
	}
	return o
}

// idlePerHost is the base's own limit, if the program has set it on purpose. None is 2
// by default, and GOMAXPROCS + 1 is what go-cleanhttp sets for everybody; both are
// too few for any load, and count as none.
func idlePerHost(base *http.Transport) int {
	if n := base.MaxIdleConnsPerHost; n != runtime.GOMAXPROCS(0)+1 {
		return n
	}
	return 0
}
