package roundtripper

import (
	"net/http"

	"github.com/warmconn/warmconn/internal/chain"
	"github.com/warmconn/warmconn/internal/connpool"
)

// Facade returns an *http.Transport that sends every http and https request
// through rt, for SDKs that insist on the concrete type and neither set its fields nor
// clone it. HTTP/2 is up to the base of rt. For those that set fields there is FacadeOf.
//
// It makes no connections, so what is set on it could have no effect. Once a field was
// set on it, or one of its TLSClientConfig, which is there to be written to, every
// request fails, before anything is sent, with an error that names the field. Its own
// dialers and its Proxy only fail.
//
// A Clone of it has lost the layers, and so has a copy made field by field. Requests
// through one fail with an error that says so, whichever of its dialers, Proxy and
// TLSClientConfig were replaced; not if all three were, and an https request's dialer
// made the handshake itself and agreed on no protocol by ALPN, or went by SOCKS, nor if
// a copy leaves Protocols out and replaces Proxy and dialer. Such a request goes past
// rt, by what was set. WebSocket handshakes over https don't work through a
// façade, for net/http sends them past it; they fail with the same error.
func Facade(rt http.RoundTripper) *http.Transport {
	if rt == nil {
		rt = http.DefaultTransport
	}
	return chain.Facade(rt)
}

// FacadeOf returns an *http.Transport whose fields are those of base, and act: it sends
// every http and https request through the layers over base, for SDKs that configure
// the transport they are handed. A nil base is http.DefaultTransport if that has an
// *http.Transport at its bottom, else a zero one.
//
//	cfg.HttpClient.Transport = roundtripper.FacadeOf(base, drainer.Middleware, pool.Middleware)
//	cfg.ConfigureTLS(…) // writes into the TLSClientConfig
//
// What an SDK sets on it, or writes into its TLSClientConfig, which is never nil, is
// taken over into a private clone of base at the first request, and the layers are put
// over that clone; over base itself if nothing was set. Base is not changed. If a field
// is set after the first request, the next one takes everything over anew: it goes by
// new connections, and idle ones of the former clone are closed. As with any transport,
// that is a data race while other requests are being sent. The layers are made once for
// each time that fields are taken over, or that Unwrap, As or Describe looks behind.
//
// What can't be taken over fails each request with an error that names the field:
// anything if base can't be cloned (see package pool), HTTP/2 by golang.org/x/net's
// ConfigureTransport, and what is written into Protocols or TLSNextProto, where the
// façade has values of its own. New Protocols, and an empty TLSNextProto, which
// switches HTTP/2 off, act.
//
// A Clone of it, or a copy, has base's settings and has lost the layers. Requests
// through one fail with an error that says so, as long as it still has a Proxy, dialer
// or TLSClientConfig that is the façade's or was cloned from it, and is asked for it;
// over plain http always, but for a copy that leaves Protocols out. Where all were
// replaced, requests over https go past the layers, by what was set. WebSocket
// handshakes over https fail as with Facade.
func FacadeOf(base *http.Transport, mw ...Middleware) *http.Transport {
	if base == nil {
		var ok bool
		if base, ok = As[*http.Transport](http.DefaultTransport); !ok {
			base = new(http.Transport)
		}
	}
	return chain.FacadeOf(base, connpool.Clone, Chain(mw...))
}
