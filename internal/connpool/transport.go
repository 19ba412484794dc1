package connpool

import (
	"cmp"
	"context"
	"errors"
	"net"
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

type dialFunc = func(ctx context.Context, network, addr string) (net.Conn, error)

// dialer returns the func by which base dials, by the rules of Transport.dial.
func dialer(base *http.Transport) dialFunc {
	if base.DialContext != nil {
		return func(ctx context.Context, network, addr string) (net.Conn, error) {
			nc, err := base.DialContext(ctx, network, addr)
			if nc == nil && err == nil {
				err = errors.New("net/http: Transport.DialContext hook returned (nil, nil)")
			}
			return nc, err
		}
	}
	//lint:ignore SA1019 a program that still sets it must have it called
	if dial := base.Dial; dial != nil {
		return func(_ context.Context, network, addr string) (net.Conn, error) {
			nc, err := dial(network, addr)
			if nc == nil && err == nil {
				err = errors.New("net/http: Transport.Dial hook returned (nil, nil)")
			}
			return nc, err
		}
	}
	return new(net.Dialer).DialContext
}

// tlsDialer returns base's own TLS dialer, by the rules of Transport.customDialTLS; nil if it
// has none.
func tlsDialer(base *http.Transport) dialFunc {
	if base.DialTLSContext != nil {
		return base.DialTLSContext
	}
	//lint:ignore SA1019 a program that still sets it must have it called
	if dial := base.DialTLS; dial != nil {
		return func(_ context.Context, network, addr string) (net.Conn, error) { return dial(network, addr) }
	}
	return nil
}

// dialPlain dials the first hop, and wraps the socket in a netConn.
func (p *Pool) dialPlain(ctx context.Context, network, addr string) (net.Conn, error) {
	d := dialOf(ctx)
	if d == nil {
		return p.dial(ctx, network, addr) // for a request that the Pool did not take
	}
	c := d.conn
	began := time.Now()
	nc, err := p.dial(dialerContext{ctx, d}, network, addr)
	if err != nil {
		return nc, err
	}
	c.dial.clock.dialed(time.Since(began))
	c.host.mu.Lock()
	c.host.openedLocked(c)
	c.host.mu.Unlock()
	c.raw = &netConn{Conn: nc, plain: c.host.key.Scheme == "http" && (c.route.via == nil || c.route.via.Scheme != "https")}
	if c.raw.plain && p.priorHTTP2 {
		c.raw.speaksHTTP2(0)
	}
	return c.raw, nil
}

// watchTLS times a TLS dialer of the program's own. Its connections are not
// wrapped: net/http looks for a *tls.Conn.
func (p *Pool) watchTLS(dial dialFunc) dialFunc {
	return func(ctx context.Context, network, addr string) (net.Conn, error) {
		d := dialOf(ctx)
		if d == nil {
			return dial(ctx, network, addr)
		}
		c := d.conn
		began := time.Now()
		nc, err := dial(dialerContext{ctx, d}, network, addr)
		if err == nil && nc != nil {
			c.dial.clock.dialed(time.Since(began))
			c.secure = nc
			c.host.mu.Lock()
			c.host.openedLocked(c)
			c.host.mu.Unlock()
		}
		return nc, err
	}
}

// hold is the connection that exchanges, and the caller's GotConn, get to see: the one that
// the program's dialer returned; over TLS to the first hop, the *tls.Conn, whose NetConn
// leads to the dialer's. Through a proxy's CONNECT it is the dialer's.
func (c *Conn) hold() *ledger.NetConn {
	nc := c.secure
	if nc == nil && c.raw != nil {
		nc = c.raw.Conn
	}
	held := ledger.NewNetConn(nc)
	held.SetTLS(ledger.TLS{Version: c.tls.version, Resumed: c.tls.resumed})
	return held
}
