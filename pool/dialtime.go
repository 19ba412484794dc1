package pool

import (
	"context"
	"net/http/httptrace"
	"sync/atomic"
	"time"

	"github.com/warmconn/warmconn/internal/ledger"
)

// lookup times the names that one dial looks up. Lookups of one dial follow
// each other; a dialer that hands its context on to nobody shows none.
type lookup struct{ began, took atomic.Int64 } // nanoseconds

// timeLookup puts hooks for that in front of those that ctx has.
func timeLookup(ctx context.Context) (context.Context, *lookup) {
	l := new(lookup)
	epoch := time.Now()
	return httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		DNSStart: func(httptrace.DNSStartInfo) { l.began.Store(int64(time.Since(epoch))) },
		DNSDone:  func(httptrace.DNSDoneInfo) { l.took.Add(int64(time.Since(epoch)) - l.began.Load()) },
	}), l
}

// setup splits what a dial took: all that is not the lookup is the connect,
// tries of several addresses included.
func (l *lookup) setup(took time.Duration) ledger.Setup {
	dns := min(time.Duration(l.took.Load()), took)
	return ledger.Setup{DNS: dns, Connect: took - dns}
}
