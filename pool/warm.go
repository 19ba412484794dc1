package pool

import (
	"context"
	"errors"
	"fmt"
	"math"
	"net/http"
	"runtime"

	"github.com/hashicorp/go-cleanhttp"

	"github.com/warmconn/warmconn/internal/connpool"
	"github.com/warmconn/warmconn/internal/ledger"
	"github.com/warmconn/warmconn/internal/stack"
)

// Warm makes connections before requests need them. When it returns, n connections to the
// host of url are ready, with their TLS handshakes done, and no request was sent. Idle
// connections that were there before count. Over HTTP/2 one connection is enough for all
// requests, and Warm makes no more.
//
// It returns the number of ready connections, 1 over HTTP/2. If that is less than n it also
// returns the first error that is a reason for it; over HTTP/2 the error is nil. A connection
// that a request has taken before Warm returns counts.
//
// Rt is a stack of this Pool: the result of roundtripper.Wrap, or a client's Transport. The
// connections are for requests that go through it. A nil rt stands for the Transport of
// Client; its connections live no longer than the last client of that kind.
//
// The connections are dialed as for a GET of url with the context ctx: by the same proxy,
// with the same dialer, and with the hooks in ctx. The rest of url beside scheme and host
// matters only to a Proxy function that looks at it. While it is not known whether the host
// speaks HTTP/2 there is one dial; the others begin when that is known.
//
// Limits hold as for requests. MaxPerHost and MaxConnsPerHost bound all connections,
// MaxIdlePerHost and MaxIdleConns the idle ones; Warm makes none above them. Where
// keep-alives are off none is ready, and the error says so. Warm takes no slot and waits in
// no queue. A request that comes meanwhile adopts one of Warm's dials rather than make its
// own, and Warm makes another in its place.
//
// When ctx ends, Warm returns the number of ready connections and ctx's error. Its dials go
// on and become idle, like net/http's dials for requests that have given up. When the Pool is
// closed it returns ErrClosed. Over a base whose connections the Pool does not own (see the
// package doc) Warm can do nothing: the error has the reason, as Describe has it.
//
// Idle connections decay: see MaxIdlePerHost, and MinIdlePerHost for a floor. A connection
// that no request ever had counts as "unused" when it is closed, for any reason.
//
// Warm is safe for concurrent use; several calls for one host count the same connections.
func (p *Pool) Warm(ctx context.Context, rt http.RoundTripper, url string, n int) (int, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	switch {
	case err != nil && ctx != nil:
		return 0, errNoURL
	case err != nil:
		return 0, err
	}
	if !connpool.Takes(req) {
		return 0, fmt.Errorf("pool: Warm: no request can be sent to %q", ledger.KeyOf(req.URL))
	}
	if rt == nil {
		s := p.ownShared(&p.bases.own, cleanhttp.DefaultPooledTransport)
		defer runtime.KeepAlive(s)
		rt = p.Middleware(s.transport)
	}
	defer runtime.KeepAlive(rt) // or the connections would go
	conns, layers, why := stack.OwnedBy(rt, layer{p})
	switch {
	case conns != nil:
	case why != "":
		return 0, errors.New(why)
	default:
		return 0, fmt.Errorf("pool: this Pool is in no layer of a %T", rt)
	}
	if p.closed.Load() {
		return 0, ErrClosed
	}
	if n <= 0 {
		return 0, nil
	}
	ready, err := conns.Warm(ctx, req, connPolicy(layers, req), n)
	if err != nil && p.closed.Load() {
		err = ErrClosed
	}
	return ready, err
}

// errNoURL does not quote the URL, which may have a password or a token in it.
var errNoURL = errors.New("pool: Warm: the URL can't be parsed")

// connPolicy returns the limit that the layers set to the connections for a request: see
// layer.Begin.
func connPolicy(layers []stack.Layer, req *http.Request) (o connpool.Policy) {
	key := ledger.KeyOf(req.URL)
	for _, l := range layers {
		if l, ok := l.(layer); ok && l.p.limits() {
			if n := int32(min(l.p.host(key, "").queue.limit, math.MaxInt32)); n > 0 && (o.MaxConns == 0 || n < o.MaxConns) { // #nosec G115 -- bounded; a negative limit is none
				o.MaxConns = n
			}
		}
	}
	return o
}
