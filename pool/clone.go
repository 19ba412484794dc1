package pool

import (
	"net/http"
	"reflect"
	"strings"
	"sync/atomic"

	"github.com/warmconn/warmconn/internal/chain"
)

// cloneable reports whether Transport.Clone would keep all that base does. It
// loses what was registered with RegisterProtocol: schemes like unix://, a
// custom https, HTTP/2 from golang.org/x/net (whose connections the clone's
// CloseIdleConnections would then not reach), and a façade's whole point.
//
// The registrations are in a field that is not exported. Reading it can't
// change it; if net/http renames it, nothing is cloned, and a test says so.
func cloneable(base *http.Transport) bool {
	if chain.IsFacade(base) {
		return false
	}
	f := reflect.ValueOf(base).Elem().FieldByName("altProto")
	if !f.IsValid() || f.Type() != reflect.TypeFor[atomic.Value]() {
		return false
	}
	registered, _ := (*atomic.Value)(f.Addr().UnsafePointer()).Load().(map[string]http.RoundTripper)
	for scheme, rt := range registered {
		// net/http registers its own HTTP/2 under https.
		if scheme != "https" || !strings.HasPrefix(reflect.TypeOf(rt).PkgPath(), "net/http") {
			return false
		}
	}
	return true
}

// cloneHTTP2 clones base and keeps HTTP/2 on where base would speak it: a
// dialer of one's own switches it off unless it is asked for
// (Transport.protocols). Nil if base has an HTTP/2 of somebody else's.
func cloneHTTP2(base *http.Transport) *http.Transport {
	t := base.Clone()
	// Clone has made base set itself up. From then on TLSNextProto names h2
	// where base speaks it, set by net/http if the field was nil before, and
	// Clone copies the map only if it was not.
	if t.TLSNextProto != nil {
		if len(t.TLSNextProto) > 0 {
			return nil
		}
		return t // empty: HTTP/2 was switched off
	}
	if base.TLSNextProto["h2"] != nil && t.Protocols == nil {
		t.ForceAttemptHTTP2 = true
	}
	return t
}
