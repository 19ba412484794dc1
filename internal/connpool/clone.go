package connpool

import (
	"fmt"
	"maps"
	"net/http"
	"reflect"
	"slices"

	"github.com/warmconn/warmconn/internal/chain"
)

// Clone clones base and keeps HTTP/2 on where base would speak it: a dialer in DialContext
// switches HTTP/2 off unless a transport asks for it (Transport.protocols). The present
// settings of golang.org/x/net's HTTP/2, if base has that, are carried over to net/http's
// own.
//
// If a clone would lose a setting there is none, and why names that.
func Clone(base *http.Transport) (clone *http.Transport, why string) {
	if chain.IsFacade(base) {
		return nil, "the transport is a Facade of another stack"
	}
	if name := unknownField(reflect.ValueOf(base).Elem(), knownSetting); name != "" {
		return nil, "the transport has a setting that is not known here, " + name
	}
	registered, ok := chain.Registrations(base)
	if !ok {
		return nil, "what is registered on the transport can't be seen in this release of Go"
	}
	for _, scheme := range slices.Sorted(maps.Keys(registered)) {
		if scheme != "https" && scheme != "http/2" {
			return nil, fmt.Sprintf("the scheme %q is registered on the transport", scheme)
		}
	}
	if len(registered) > 1 {
		return nil, "the transport has two HTTP/2 of somebody else's"
	}
	for _, rt := range registered {
		return cloneXNet(base, rt)
	}
	t := base.Clone()
	// Clone has made base set itself up. From then on base's TLSNextProto names h2 where
	// base speaks it: net/http fills the map in if it was nil. Clone copies the map only if
	// it was not nil before.
	if t.TLSNextProto != nil {
		if len(t.TLSNextProto) > 0 {
			return nil, "the transport has protocols of its own in TLSNextProto"
		}
		return t, "" // the empty map: HTTP/2 was switched off
	}
	if base.TLSNextProto["h2"] != nil && t.Protocols == nil {
		t.ForceAttemptHTTP2 = true
	}
	return t, ""
}

// knownSetting reports whether the Pool and Clone heed, or have nothing to do
// with, an exported field of http.Transport.
func knownSetting(name string) bool {
	switch name {
	case "Proxy", "OnProxyConnectResponse", "ProxyConnectHeader", "GetProxyConnectHeader",
		"DialContext", "Dial", "DialTLSContext", "DialTLS",
		"TLSClientConfig", "TLSHandshakeTimeout", "TLSNextProto",
		"DisableKeepAlives", "DisableCompression",
		"MaxIdleConns", "MaxIdleConnsPerHost", "MaxConnsPerHost", "IdleConnTimeout",
		"ResponseHeaderTimeout", "ExpectContinueTimeout",
		"MaxResponseHeaderBytes", "WriteBufferSize", "ReadBufferSize",
		"ForceAttemptHTTP2", "HTTP2", "Protocols":
		return true
	}
	return false
}

// unknownField names the first exported field of a struct that is set and not known: a
// newer release has added it, and it may be a limit that the Pool would have to keep. While
// it is not set, nothing has changed.
func unknownField(v reflect.Value, known func(name string) bool) string {
	for i := range v.NumField() {
		f := v.Type().Field(i)
		// Fields that are known are not read: the first request over a transport, or a Clone
		// of it, writes some, and may be under way.
		if f.IsExported() && !known(f.Name) && !v.Field(i).IsZero() {
			return f.Name
		}
	}
	return ""
}
