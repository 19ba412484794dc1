package connpool

import (
	"cmp"
	"net/http"
	"net/url"
	"sync"
	"time"

	"github.com/warmconn/warmconn/internal/ledger"
)

// New returns a Pool over a private clone of base, which Clone has made. Base's dialers and
// its Proxy are used; it is not changed. Books count the connections.
//
// The clone keeps no connections by itself: the Pool has its time-outs for idle ones. It has
// no limit of connections, for with one an http.ClientConn's Close panics (connCount
// underflow, go1.26.8 and go1.27.4).
func New(base, clone *http.Transport, books *ledger.Ledger, o Options) *Pool {
	pings(clone)
	p := &Pool{
		opts: o, ledger: books, transport: clone, keys: newContextKeys(),
		proxy:         base.Proxy,
		keepAlivesOff: base.DisableKeepAlives,
		keepsNoIdle:   o.MaxIdlePerHost < 0,
		listened:      o.Life.listens(),
		strict:        clone.HTTP2 != nil && clone.HTTP2.StrictMaxConcurrentRequests,
		dial:          dialer(base),
	}
	if p.opts.LookupNetIP == nil {
		p.opts.LookupNetIP = defaultLookup
	}
	if c := clone.HTTP2; c != nil && c.SendPingTimeout > 0 {
		p.pingTimeout = cmp.Or(c.PingTimeout, defaultPingTimeout)
	}
	p.mayHTTP2 = clone.ForceAttemptHTTP2 && clone.Protocols == nil
	if ps := clone.Protocols; ps != nil {
		p.mayHTTP2 = ps.HTTP2()
		p.priorHTTP2 = ps.UnencryptedHTTP2() && !ps.HTTP1()
	}
	if dial := tlsDialer(base); dial != nil {
		p.foreignTLS = p.watchTLS(dial)
	}
	p.renewed.config = base.TLSClientConfig
	p.clones.Store(p.newClones(clone))
	return p
}

// defaultPingTimeout is net/http's.
const defaultPingTimeout = 15 * time.Second

// own takes the pooling out of t, a clone.
func (p *Pool) own(t *http.Transport) {
	t.MaxConnsPerHost = 0
	t.MaxIdleConns, t.IdleConnTimeout = 0, 0
	t.MaxIdleConnsPerHost = 0
	if p.keepsNoIdle {
		t.MaxIdleConnsPerHost = -1
	}
	t.Dial, t.DialTLS = nil, nil //lint:ignore SA1019 they are taken over
	t.DialContext = p.dialPlain
	if t.DialTLSContext = p.foreignTLS; t.DialTLSContext == nil {
		t.DialTLSContext = p.dialTLS(t)
	}
	// NewClientConn asks Proxy with a request that it has made up. Proxy was asked with the
	// real request before, and the answer is in the dial's context.
	t.Proxy = func(req *http.Request) (*url.URL, error) {
		if d := dialOf(req.Context()); d != nil {
			return d.conn.route.via, nil
		}
		if p.proxy == nil {
			return nil, nil
		}
		return p.proxy(req) // a request that the Pool did not take
	}
}

// clones are the private clone, and a clone of that for requests that need HTTP/1.
type clones struct {
	all         *http.Transport
	http1       func() *http.Transport
	sessionsOff string // why they keep no TLS sessions though Options asks for it
}

// newClones prepares t, a clone, to dial for the Pool.
func (p *Pool) newClones(t *http.Transport) *clones {
	why := p.sessionsOff(t.TLSClientConfig)
	keep := p.opts.TLSSessions > 0 && why == ""
	p.own(t)
	if keep {
		p.keepSessions(t)
	}
	return &clones{all: t, sessionsOff: why, http1: sync.OnceValue(func() *http.Transport {
		t := t.Clone()
		t.Protocols = new(http.Protocols)
		t.Protocols.SetHTTP1(true)
		t.TLSNextProto = nil
		if t.TLSClientConfig != nil {
			// These are the protocols that net/http wrote for the other clone, HTTP/2 among
			// them. It would leave them as they are.
			t.TLSClientConfig.NextProtos = nil
		}
		p.own(t)
		if keep {
			p.keepSessions(t)
		}
		return t
	})}
}

// transportFor is the clone that dials for rt.
func (p *Pool) transportFor(rt *route) *http.Transport {
	c := p.clones.Load()
	if rt.http1 {
		return c.http1()
	}
	return c.all
}
