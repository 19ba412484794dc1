package pool

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"runtime"

	"github.com/hashicorp/go-cleanhttp"

	"github.com/warmconn/warmconn/internal/connpool"
	"github.com/warmconn/warmconn/internal/ledger"
	"github.com/warmconn/warmconn/internal/stack"
)

// Warm makes connections before requests need them: n of them lie ready for the host of
// url when it returns, TLS shaken hands on, and no request was sent. Those that lie idle
// already count. Over HTTP/2 one is enough for all requests, and is all that Warm makes.
// It returns how many are ready, 1 over HTTP/2, and if they are fewer than n the first
// error that says why; over HTTP/2 that is nil. One that a request has taken before Warm
// returns counts.
//
// Rt is a stack of this Pool, what roundtripper.Wrap, or the Transport of a client has: the
// connections are those that requests through it would get. Nil is that of Client; they
// live no longer than the last of its clients.
//
// They are dialed as for a GET of url with the context ctx: by the proxy that such a
// request would take, with the dialer and the hooks that it would find there. What url has
// beside scheme and host matters only to a Proxy function that looks at it. While it is not
// known whether the host speaks HTTP/2 there is one dial; the others begin when that is
// known.
//
// Limits hold as for requests: of all connections, MaxPerHost and MaxConnsPerHost; of
// idle ones, MaxIdlePerHost and MaxIdleConns, over which nothing is made. Where
// keep-alives are off none is ready, and the error says so. Warm takes no slot and waits in
// no queue. A request that comes meanwhile adopts one of the dials rather than make its
// own, and Warm makes another in its place.
//
// When ctx ends Warm waits no more, and returns how many are ready and ctx's error; its dials
// go on and become idle, as in net/http those of requests that have given up. When the Pool
// is closed it returns ErrClosed. Over a base whose connections the Pool does not own
// (see the package doc) there is nothing that it could warm: the error has Describe's line.
//
// Idle connections decay: see MaxIdlePerHost, and MinIdlePerHost for a floor. One that no
// request ever had counts as "unused" when it is closed, whatever has closed it.
//
// Warm is safe for concurrent use; several calls for one host count the same connections.
func (p *Pool) Warm(ctx context.Context, rt http.RoundTripper, url string, n int) (int, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return 0, err
	}
	if !connpool.Takes(req) {
		return 0, fmt.Errorf("pool: %q is no URL that requests can be sent to", url)
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

// connPolicy is what the layers allow of connections for a request: see layer.Begin.
func connPolicy(layers []stack.Layer, req *http.Request) (o connpool.Policy) {
	key := ledger.KeyOf(req.URL)
	for _, l := range layers {
		if l, ok := l.(layer); ok && l.p.limits() {
			if n := l.p.host(key, "").queue.limit; n > 0 && (o.MaxConns == 0 || int32(n) < o.MaxConns) {
				o.MaxConns = int32(n)
			}
		}
	}
	return o
}
