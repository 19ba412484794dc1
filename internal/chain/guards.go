package chain

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"net/http"
	"net/url"
	"runtime"
	"strings"
)

// errBypassed is what a transport says that has a façade's settings and not its stack:
// Clone does not copy registered protocols, nor does a program that copies field by
// field, and net/http does not ask them for a WebSocket handshake over https
// (Transport.useRegisteredProtocol).
var errBypassed = errors.New("warmconn: request would bypass the layers behind this Facade: " +
	"it is sent by a Clone or a copy of one, or is a WebSocket handshake over https. " +
	"Configure the transport first and wrap it last: call Facade or FacadeOf again over what was to be cloned, or have the SDK take an http.RoundTripper")

// guardProtocols puts a guard into t that Clone copies, for what was dialed without TLS:
// without HTTP/1, and with HTTP/2 over plain connections, net/http asks TLSNextProto
// for who speaks it, and nothing is written before. The other two are for a Clone that
// dials TLS and agrees on a protocol by ALPN.
func guardProtocols(t *http.Transport) {
	t.Protocols = new(http.Protocols)
	t.Protocols.SetUnencryptedHTTP2(true)
	t.TLSNextProto = map[string]func(string, *tls.Conn) http.RoundTripper{
		"unencrypted_http2": refuseConn,
		"h2":                refuseConn, // also says that the front itself need not be set up for HTTP/2
		"http/1.1":          refuseConn,
	}
}

// refuseConn closes a connection that was dialed past the stack.
func refuseConn(_ string, c *tls.Conn) http.RoundTripper {
	nc := c.NetConn()
	if u, ok := nc.(interface{ UnencryptedNetConn() net.Conn }); ok { // net/http's, of a connection without TLS
		nc = u.UnencryptedNetConn()
	}
	nc.Close()
	return refuses{}
}

// refuses fails as net/http asks an HTTP/2 of somebody else's that could not be set up.
type refuses struct{}

func (refuses) RoundTripErr() error                             { return errBypassed }
func (refuses) RoundTrip(*http.Request) (*http.Response, error) { return nil, errBypassed }

// guardAll puts guards into t, which has no settings of its own, in the order in which
// net/http asks: whatever an SDK replaces on a Clone, the next one is asked.
func guardAll(t *http.Transport) {
	guardProtocols(t)
	refuse := func(context.Context, string, string) (net.Conn, error) { return nil, errBypassed }
	t.Proxy = func(*http.Request) (*url.URL, error) { return nil, errBypassed }
	t.DialContext, t.DialTLSContext = refuse, refuse
	t.GetProxyConnectHeader = func(context.Context, *url.URL, string) (http.Header, error) { return nil, errBypassed }
	t.TLSClientConfig = new(tls.Config) // SDKs write to it without looking whether it is there
}

// guardSettings puts guards around the settings of t: they do as they did for whoever
// reads or wraps them, and fail for a transport that has them and was not given them
// by FacadeOf. Two are there in any case, for every https request is to meet one.
func guardSettings(t *http.Transport) {
	guardProtocols(t)
	if proxy := t.Proxy; proxy != nil {
		t.Proxy = func(req *http.Request) (*url.URL, error) {
			if calledByNetHTTP() {
				return nil, errBypassed
			}
			return proxy(req)
		}
	}
	if dial := t.DialContext; dial != nil {
		t.DialContext = func(ctx context.Context, network, addr string) (net.Conn, error) {
			if calledByNetHTTP() {
				return nil, errBypassed
			}
			return dial(ctx, network, addr)
		}
	}
	dialTLS := t.DialTLSContext
	if dialTLS == nil {
		dialTLS = func(ctx context.Context, network, addr string) (net.Conn, error) {
			return dialTLSBy(ctx, t, network, addr)
		}
	}
	t.DialTLSContext = func(ctx context.Context, network, addr string) (net.Conn, error) {
		if calledByNetHTTP() {
			return nil, errBypassed
		}
		return dialTLS(ctx, network, addr)
	}
	header := t.GetProxyConnectHeader
	t.GetProxyConnectHeader = func(ctx context.Context, via *url.URL, target string) (http.Header, error) {
		if calledByNetHTTP() {
			return nil, errBypassed
		}
		if header != nil {
			return header(ctx, via, target)
		}
		return t.ProxyConnectHeader.Clone(), nil
	}
	if t.TLSClientConfig == nil {
		t.TLSClientConfig = new(tls.Config)
	}
}

// dialTLSBy dials as net/http does by t's settings.
func dialTLSBy(ctx context.Context, t *http.Transport, network, addr string) (net.Conn, error) {
	dial := t.DialContext
	if dial == nil {
		dial = new(net.Dialer).DialContext
	}
	nc, err := dial(ctx, network, addr)
	if err != nil {
		return nil, err
	}
	if most := t.TLSHandshakeTimeout; most > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, most)
		defer cancel()
	}
	cfg := t.TLSClientConfig.Clone()
	if cfg == nil {
		cfg = new(tls.Config)
	}
	if cfg.ServerName == "" {
		cfg.ServerName, _, _ = net.SplitHostPort(addr)
	}
	tc := tls.Client(nc, cfg)
	if err := tc.HandshakeContext(ctx); err != nil {
		nc.Close()
		return nil, err
	}
	return tc, nil
}

// calledByNetHTTP reports whether the caller of its caller is net/http. What an SDK has
// wrapped around it is in between, else.
func calledByNetHTTP() bool {
	var pc [1]uintptr
	if runtime.Callers(3, pc[:]) == 0 {
		return false
	}
	f, _ := runtime.CallersFrames(pc[:]).Next()
	return strings.HasPrefix(f.Function, "net/http.")
}
