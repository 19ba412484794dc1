package pool

import (
	"net/http"
	"weak"

	"github.com/hashicorp/go-cleanhttp"

	"github.com/warmconn/warmconn/internal/connpool"
	"github.com/warmconn/warmconn/internal/ledger"
)

// Transport returns a clone of base that is tuned as Options say, for SDKs that
// want an *http.Transport, and counts the connections that it dials: see Stats. A
// nil base is go-cleanhttp's pooled transport. Each call returns a new clone.
//
// The clone is net/http's own, and so is its pool of connections. Three of Options apply:
//
//   - MaxIdlePerHost bounds the idle connections to a host; without it the clone's
//     MaxIdleConns does, for all hosts together;
//   - IdleTimeout is how long they are kept;
//   - MaxPerHost bounds the connections to a host, as MaxConnsPerHost, unless base has a
//     limit of its own. A request over that waits in net/http for as long as its context
//     lasts, and is not refused.
//
// All else needs the Middleware, over this transport or any other: the queue, limits of
// single hosts, dials only for requests that wait, retirement by age and use, and the
// search for leaks. Over a Middleware on this transport the Pool owns the connections of
// the requests, as over every transport. A program may send requests over the transport
// directly at the same time.
//
// Configure base before the call. Of the clone, TLSClientConfig and Proxy may be changed
// before its first request. Connections of a dialer that is set on the clone are not
// counted, nor are those of a TLS dialer that base has.
//
// Httptrace's GotConn shows a wrapper of each connection, or a *tls.Conn on it. To find the
// connection that base's dialer returned, call NetConn until it is there: see the example of
// GotConn.
//
// If a clone of base would lose something (see the package doc), base itself is
// returned, neither tuned nor counted.
func (p *Pool) Transport(base *http.Transport) *http.Transport {
	if base == nil {
		base = cleanhttp.DefaultPooledTransport()
	}
	t, l := p.counting(base)
	if t == nil {
		return base
	}
	p.bases.mu.Lock()
	defer p.bases.mu.Unlock()
	p.bases.addLocked(t, clone{ledger: weak.Make(l), limited: t.MaxConnsPerHost != base.MaxConnsPerHost})
	p.bases.builds.add(t, l, nil)
	return t
}

// counting returns a tuned clone of base, and the ledger that counts its
// connections; nil if base must not be cloned.
func (p *Pool) counting(base *http.Transport) (*http.Transport, *ledger.Ledger) {
	t, _ := connpool.Clone(base)
	if t == nil {
		return nil, nil
	}
	switch n := p.opts.MaxIdlePerHost; {
	case n != 0:
		t.MaxIdleConnsPerHost = n
	case t.MaxIdleConnsPerHost < 0:
		// The program has switched keep-alive off in this way.
	case t.MaxIdleConns > 0:
		t.MaxIdleConnsPerHost = t.MaxIdleConns
	default:
		t.MaxIdleConnsPerHost = 1 << 20
	}
	switch d := p.opts.IdleTimeout; {
	case d > 0:
		t.IdleConnTimeout = d
	case d < 0:
		t.IdleConnTimeout = 0
	case t.IdleConnTimeout == 0:
		t.IdleConnTimeout = defaultIdleTimeout
	}
	if t.MaxConnsPerHost == 0 {
		t.MaxConnsPerHost = max(p.opts.MaxPerHost, 0)
	}
	l := ledger.New(t)
	l.Count(p.totals)
	t.DialContext = countDials(t, l)
	return t, l
}
