package pool

import (
	"fmt"

	"github.com/warmconn/warmconn/internal/ledger"
)

// Describe is the pool's line in roundtripper.Describe. Where it only counts, the
// stack adds why: see stack.Base.
func (t layer) Describe(w ledger.Watch) string {
	limit := "no limit"
	switch n := t.p.opts.MaxPerHost; {
	case n > 0:
		limit = fmt.Sprintf("at most %d in flight per host", n)
	case t.p.opts.MaxTotal > 0:
		limit = "no limit per host"
	}
	if len(t.p.hosts) > 0 || t.p.opts.HostLimits != nil {
		limit += " but for single ones"
	}
	if n := t.p.opts.MaxTotal; n > 0 {
		limit += fmt.Sprintf(", at most %d in all", n)
	}
	switch w {
	case ledger.Owned:
		return "pool: " + limit + "; owns the connections, made by a private clone of the transport; the transport's own CloseIdleConnections closes none, the Pool's does, and takes a replaced TLSClientConfig over"
	}
	return "pool: " + limit + "; only counts requests"
}
