package poolprom

import (
	"github.com/prometheus/client_golang/prometheus"

	"github.com/warmconn/warmconn/pool"
)

// Options configures a collector. The zero value is right for most programs.
type Options struct {
	// MaxHosts is how many hosts have series of their own; the others are summed
	// under the host "other". Zero means 100; negative: none has.
	MaxHosts int
}

const maxHosts = 100

// NewCollector returns a collector over p's statistics. It keeps p. Its methods
// are safe for concurrent use, and neither fails. A nil p panics.
func NewCollector(p *pool.Pool, o Options) prometheus.Collector {
	if p == nil {
		panic("poolprom: a nil Pool")
	}
	return newCollector(p.Stats, o)
}

func newCollector(stats func() pool.Stats, o Options) *collector {
	c := &collector{stats: stats, most: o.MaxHosts, listed: make(map[string]*series)}
	switch {
	case c.most == 0:
		c.most = maxHosts
	case c.most < 0:
		c.most = 0
	}
	return c
}
