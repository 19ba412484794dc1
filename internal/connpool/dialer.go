package connpool

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/http/httptrace"
	"time"

	"github.com/warmconn/warmconn/internal/ledger"
)

// dialContext is the context of a dial, as net/http gets it.
type dialContext struct {
	context.Context
	conn  *Conn                  // the connection that is being made
	hooks *httptrace.ClientTrace // the caller's, which the dial's own call
}

// dialKey finds the dialContext.
type dialKey struct{}

// dialOf is the dial whose context ctx is, or derives from; nil if there is none.
func dialOf(ctx context.Context) *dialContext {
	d, _ := ctx.Value(dialKey{}).(*dialContext)
	return d
}

func (d *dialContext) Value(key any) any {
	switch key {
	case dialKey{}:
		return d
	case d.conn.host.pool.keys.trace:
		return nil // else WithClientTrace would have the caller's hooks called twice
	}
	return d.Context.Value(key)
}

// dialerContext is the context that the program's dialer gets. As with bare net/http, the
// dialer finds the caller's hooks in it and may call them, and so do requests that the
// dialer makes itself, for a name by DNS over HTTPS say. It does not find the dial's own
// hooks: they would take such a request's handshake for the connection's. The hooks by
// which net.Dialer tells of DNS and connects have another key.
type dialerContext struct {
	context.Context
	dial *dialContext
}

// isDialKey tells a dialerContext.
type isDialKey struct{}

// IsDial reports whether ctx is that of a dial for a transport that a Pool owns:
// the Pool counts the connection.
func IsDial(ctx context.Context) bool { return ctx.Value(isDialKey{}) != nil }

func (c dialerContext) Value(key any) any {
	switch key {
	case c.dial.conn.host.pool.keys.trace:
		return c.dial.hooks
	case dialKey{}:
		return nil
	case isDialKey{}:
		return true
	}
	return c.Context.Value(key)
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
	c.socketOpened(time.Since(began))
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
			c.secure = nc
			c.socketOpened(time.Since(began))
		}
		return nc, err
	}
}

// socketOpened notes that c has a socket, and how long the dialer took for it.
func (c *Conn) socketOpened(took time.Duration) {
	c.dial.clock.dialed(took) // first: those who hold the mutex may ask how far the dial is
	c.host.mu.Lock()
	c.host.openedLocked(c)
	c.host.mu.Unlock()
}

// openedLocked counts c as opened once its socket is open: TLS and a proxy's CONNECT may
// follow.
func (h *Host) openedLocked(c *Conn) {
	if c.counted {
		return
	}
	c.counted = true
	h.conns.shaking++
	h.tally.Opened++
	h.pool.ledger.Opened()
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
