package pool

import (
	"net/http"
	"time"

	"github.com/warmconn/warmconn/internal/ledger"
)

const (
	// idleFloor is how many idle connections of a host decay leaves, when the
	// pool follows use: a small burst finds them, and they cost little.
	idleFloor = 8
	// decays is how often in one IdleTimeout, decayMin and decayMax how far
	// apart at least and at most.
	decays             = 6
	decayMin, decayMax = time.Second, 30 * time.Second
)

// keep says how long the connections of a clone are kept that nobody but the
// Pool has.
func (p *Pool) keep(t *http.Transport) ledger.Keep {
	k := ledger.Keep{MaxAge: max(p.opts.MaxConnAge, 0), Announced: true, Private: true}
	if p.opts.MaxIdlePerHost == 0 {
		k.Floor = idleFloor
		k.Every = min(max(t.IdleConnTimeout/decays, decayMin), decayMax)
		if t.IdleConnTimeout == 0 {
			k.Every = decayMax
		}
	}
	return k
}
