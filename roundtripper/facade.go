package roundtripper

import (
	"net/http"

	"github.com/warmconn/warmconn/internal/chain"
	"github.com/warmconn/warmconn/internal/connpool"
)

// Facade returns an *http.Transport that sends every http and https request
// through rt, for SDKs that insist on the concrete type and neither set its fields nor
// clone it. HTTP/2 is up to the base of rt. For SDKs that set fields there is FacadeOf.
//
// It makes no connections, so a field could have no effect. Once a field of it was set, or
// one of its TLSClientConfig, which is there to be written to, every request fails, before
// anything is sent, with an error that names the field. Its own dialers and its Proxy only
// fail.
//
// A Clone of it has lost the layers, and so has a copy made field by field. Requests through
// one fail with an error that says so, before anything is sent, also if fields of it were
// replaced. But in three cases they go past rt:
//
//   - over https, if both Proxy and DialTLSContext were replaced;
//   - over https, if DialContext was replaced, and Proxy leads to SOCKS;
//   - over http, through a copy that leaves Protocols out, if Proxy and DialContext were
//     replaced.
//
// WebSocket handshakes over https don't work through a façade, for net/http sends them
// past it; they fail with the same error.
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
// At the first request, the fields that an SDK has set on it, or written into its
// TLSClientConfig, which is never nil, are taken over into a private clone of base, and the
// layers are put over that clone; over base itself if no field was set. Base is not changed.
// If a field is set after the first request, the next one takes everything over anew: it goes
// by new connections, and idle ones of the former clone are closed. As with any transport,
// that is a data race while other requests are being sent. The layers are made once for
// each time that fields are taken over, or that Unwrap, As or Describe looks behind.
//
// Some settings can't be taken over. Then each request fails with an error that names the
// field:
//
//   - any field, if base can't be cloned (see package pool);
//   - HTTP/2 by golang.org/x/net's ConfigureTransport;
//   - writes into Protocols or TLSNextProto, where the façade has values of its own. New
//     Protocols act, and so does an empty TLSNextProto, which switches HTTP/2 off.
//
// Its Proxy, dialers and GetProxyConnectHeader are base's in a wrapper, so that they can
// be called and wrapped again; DialTLSContext and GetProxyConnectHeader are there though
// base has none, and do what net/http would. A Clone of the façade, or a copy, has lost
// the layers: requests through one fail as with Facade, and go past the layers where those
// do. A Proxy or DialContext that base does not have guards nothing there. WebSocket
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
