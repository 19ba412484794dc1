package pool

import (
	"net"
	"net/url"
	"strings"
	"time"

	"github.com/warmconn/warmconn/internal/ledger"
)

// Limits are the limits of one host. A field that is not zero takes the place of the field
// of that name in Options; a negative one means what it means there.
type Limits struct {
	// MaxPerHost is the most requests in flight to the host. Negative means no
	// limit.
	MaxPerHost int
	// MaxWaiting is the most requests that wait for a slot of the host; the
	// queue for MaxTotal keeps to Options. Negative means that none waits.
	MaxWaiting int
	// WaitTimeout is the longest that a request to the host waits, for MaxTotal
	// too. Negative means as long as its context lasts.
	WaitTimeout time.Duration
}

// limitsOf returns a host's limits. It may call the program's HostLimits, so no lock is held.
func (p *Pool) limitsOf(key ledger.Key, name string) Limits {
	own, ok := p.hosts[name]
	if !ok && len(p.hosts) > 0 {
		own, ok = p.hosts[net.JoinHostPort(key.Host, key.Port)]
	}
	if !ok {
		own, ok = p.hosts[key.Host]
	}
	if !ok && p.opts.HostLimits != nil {
		if l, ok := p.opts.HostLimits(name); ok {
			own = l
		}
	}
	if own.MaxPerHost == 0 {
		own.MaxPerHost = p.opts.MaxPerHost
	}
	if own.MaxWaiting == 0 {
		own.MaxWaiting = p.opts.MaxWaiting
	}
	if own.WaitTimeout == 0 {
		own.WaitTimeout = p.opts.WaitTimeout
	}
	return own
}

// limits reports whether any host may have a limit.
func (p *Pool) limits() bool {
	return p.opts.MaxPerHost > 0 || p.opts.MaxTotal > 0 || len(p.hosts) > 0 || p.opts.HostLimits != nil
}

// rules are the settings of a queue; they never change.
type rules struct {
	host       string // empty: of all hosts
	limit      int    // 0: none, only counted
	maxWaiting int
	predict    bool
	shedding   shedding
	last       bool                  // a request that has its slot is sent: no other queue follows
	stalled    func(since time.Time) // called when no slot has moved for a while
	calling    func(host string) int // Pool.calling
	crowd      *crowd                // the host is part of it; nil: it is not
}

// rules returns the rules of a queue with these limits.
func (p *Pool) rules(limit, maxWaiting int) rules {
	r := rules{
		limit:      max(limit, 0),
		maxWaiting: maxWaiting,
		predict:    p.opts.RefuseHopeless && limit > 0,
		stalled:    p.stalls,
		calling:    p.calls,
	}
	if p.opts.ShedTarget > 0 {
		r.shedding = sheddingOf(p.opts.ShedTarget, p.opts.ShedInterval)
	}
	return r
}

// hostLimits copies Options.Hosts, with its keys as the pool spells them.
func hostLimits(of map[string]Limits) map[string]Limits {
	m := make(map[string]Limits, len(of))
	for name, l := range of {
		m[hostKey(name)] = l
	}
	return m
}

func hostKey(name string) string {
	if !strings.Contains(name, "://") {
		name = strings.ToLower(name)
		if _, _, err := net.SplitHostPort(name); err == nil {
			return name
		}
		return strings.Trim(name, "[]")
	}
	u, err := url.Parse(name)
	if err != nil {
		return name // no request's URL has such a name
	}
	return ledger.KeyOf(u).String()
}
