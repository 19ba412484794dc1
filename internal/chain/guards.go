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

// errBypassed is the error of a request that would go past a façade's stack. There are two
// ways past it:
//
//   - a transport that has the façade's settings and not its stack: Clone does not copy
//     registered protocols, nor does a program that copies field by field;
//   - a WebSocket handshake over https, for which net/http does not ask the registered
//     protocol (Transport.useRegisteredProtocol).
var errBypassed = errors.New("warmconn: request would bypass the layers behind this Facade: " +
	"it is sent by a Clone or a copy of one, or is a WebSocket handshake over https. " +
	"Configure the transport first and wrap it last: call Facade or FacadeOf again over what was to be cloned, or have the SDK take an http.RoundTripper")

// guardProtocols puts guards into t that Clone copies. The first is for connections without
// TLS: with HTTP/2 over plain connections and without HTTP/1, net/http looks into
// TLSNextProto before it writes anything. The other two are for a Clone that dials TLS and
// agrees on a protocol by ALPN.
func guardProtocols(t *http.Transport) {
	t.Protocols = new(http.Protocols)
	t.Protocols.SetUnencryptedHTTP2(true)
	t.TLSNextProto = map[string]func(string, *tls.Conn) http.RoundTripper{
		"unencrypted_http2": refuseConn,
		"h2":                refuseConn, // also keeps net/http from setting the front up for HTTP/2
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

// refuses fails each request. RoundTripErr is the method by which a foreign HTTP/2 tells
// net/http that it could not be set up.
type refuses struct{}

func (refuses) RoundTripErr() error                             { return errBypassed }
func (refuses) RoundTrip(*http.Request) (*http.Response, error) { return nil, errBypassed }

// guardAll puts guards into t, which has no settings of its own. Net/http calls several of
// them on its way to a connection: if an SDK replaces one on a Clone, the next one is met.
func guardAll(t *http.Transport) {
	guardProtocols(t)
	refuse := func(context.Context, string, string) (net.Conn, error) { return nil, errBypassed }
	t.Proxy = func(*http.Request) (*url.URL, error) { return nil, errBypassed }
	t.DialContext, t.DialTLSContext = refuse, refuse
	t.GetProxyConnectHeader = func(context.Context, *url.URL, string) (http.Header, error) { return nil, errBypassed }
	t.TLSClientConfig = new(tls.Config) // SDKs write to it without looking whether it is there
}

// guardSettings puts guards around the settings of t. An SDK that calls or wraps a setting
// finds it working as before. Net/http calls it directly only for a transport that has the
// settings without FacadeOf's stack: then it fails. Two of the guards are there whether or
// not t had the settings, so that every https request meets one.
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

// dialTLSBy dials with TLS as net/http does for a transport with t's settings.
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

// calledByNetHTTP reports whether net/http is what called the guard that calls this
// function. If an SDK has wrapped the guard, the SDK is.
func calledByNetHTTP() bool {
	var pc [1]uintptr
	if runtime.Callers(3, pc[:]) == 0 {
		return false
	}
	f, _ := runtime.CallersFrames(pc[:]).Next()
	return strings.HasPrefix(f.Function, "net/http.")
}
