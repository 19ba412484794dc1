package chain

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"net/http"
	"net/url"
)

// probeScheme is registered on every façade; asking for it leads to the stack
// behind. No URL that a program uses has it.
const probeScheme = "warmconn-facade"

// errBypassed is what a façade's own dialer says instead of going round the
// stack: Clone does not copy registered protocols, and net/http does not ask
// them for a WebSocket handshake over https (Transport.useRegisteredProtocol).
var errBypassed = errors.New("warmconn: request would bypass the layers behind this Facade: " +
	"it is a Clone of one (wrap last, or call Facade again), or a WebSocket handshake over https")

// Facade returns an *http.Transport that sends every http and https request
// through rt.
func Facade(rt http.RoundTripper) *http.Transport {
	refuse := func(context.Context, string, string) (net.Conn, error) { return nil, errBypassed }
	t := &http.Transport{
		DialContext:    refuse,
		DialTLSContext: refuse,
		// Not nil: the façade itself must not take https over for HTTP/2.
		TLSNextProto: map[string]func(string, *tls.Conn) http.RoundTripper{},
	}
	t.RegisterProtocol("http", rt)
	// A struct with one exported field that can close idle connections is how
	// net/http reaches an alternative https transport: onceSetNextProtoDefaults
	// looks for exactly this shape.
	t.RegisterProtocol("https", https{front{rt}})
	t.RegisterProtocol(probeScheme, probe{rt})
	return t
}

// https has exactly one field, exported, with a CloseIdleConnections method.
type https struct{ Front front }

func (h https) RoundTrip(req *http.Request) (*http.Response, error) { return h.Front.rt.RoundTrip(req) }

type front struct{ rt http.RoundTripper }

func (f front) CloseIdleConnections() { CloseIdle(f.rt) }

// probe answers the question what is behind a façade.
type probe struct{ rt http.RoundTripper }

type probeKey struct{}

func (p probe) RoundTrip(req *http.Request) (*http.Response, error) {
	if out, ok := req.Context().Value(probeKey{}).(*http.RoundTripper); ok {
		*out = p.rt
	}
	return nil, errors.New("warmconn: not a scheme to send requests to")
}

// behindFacade returns the stack behind t, or nil if t is no façade. Only a
// transport that looks like one is asked: a request, even one that goes
// nowhere, makes net/http set a transport's HTTP/2 up for good.
func behindFacade(t *http.Transport) http.RoundTripper {
	if t == nil || t.TLSNextProto == nil || len(t.TLSNextProto) > 0 || t.DialContext == nil || t.DialTLSContext == nil {
		return nil
	}
	var rt http.RoundTripper
	req := (&http.Request{
		Method: "GET",
		URL:    &url.URL{Scheme: probeScheme, Host: "facade.invalid"},
		Header: http.Header{},
	}).WithContext(context.WithValue(context.Background(), probeKey{}, &rt))
	if resp, err := t.RoundTrip(req); err == nil && resp.Body != nil {
		resp.Body.Close()
	}
	return rt
}

// IsFacade reports whether t is a façade.
func IsFacade(t *http.Transport) bool { return behindFacade(t) != nil }
