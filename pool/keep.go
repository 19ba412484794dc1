package pool

import (
	"net/http"
	"runtime"
	"time"

	"github.com/warmconn/warmconn/internal/connpool"
)

const (
	// idleFloor is the number of a host's idle connections that decay leaves: a small
	// burst finds them, and they cost little.
	idleFloor = 8
	// decays is the number of decays in one IdleTimeout; decayMin and decayMax bound the
	// time between two.
	decays             = 6
	decayMin, decayMax = time.Second, 30 * time.Second
	// defaultIdleTimeout is http.DefaultTransport's.
	defaultIdleTimeout = 90 * time.Second
)

// keep returns how many connections are kept, and for how long. Base is a new clone, with
// the settings of the transport that it was made from.
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

// idlePerHost returns the base's own limit, or 0 if the program has set none on purpose.
// GOMAXPROCS + 1 counts as none: go-cleanhttp sets it for all of its users, and for a loaded
// client it is too few, like net/http's default of 2.
func idlePerHost(base *http.Transport) int {
	if n := base.MaxIdleConnsPerHost; n != runtime.GOMAXPROCS(0)+1 {
		return n
	}
	return 0
}
