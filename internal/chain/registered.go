package chain

import (
	"net/http"
	"reflect"
	"strings"
	"sync/atomic"
)

// Registered reports whether the program has registered a RoundTripper with
// t.RegisterProtocol. Its requests are not sent by net/http, and a Clone does not have it.
func Registered(t *http.Transport) bool {
	others, ok := Registrations(t)
	return !ok || len(others) > 0
}

// Registrations returns the RoundTrippers that the program has registered with
// t.RegisterProtocol, by scheme: for schemes like unix://, for a custom https, for HTTP/2
// from golang.org/x/net, for a façade's stack.
//
// The registrations are in a field that is not exported, and is only read here. If net/http
// renames it, ok is false, and a test fails.
func Registrations(t *http.Transport) (others map[string]http.RoundTripper, ok bool) {
	registered, ok := registrations(t)
	for scheme, rt := range registered {
		// net/http registers its own HTTP/2 under https.
		if scheme == "https" && strings.HasPrefix(reflect.TypeOf(rt).PkgPath(), "net/http") {
			continue
		}
		if others == nil {
			others = make(map[string]http.RoundTripper)
		}
		others[scheme] = rt
	}
	return others, ok
}

func registrations(t *http.Transport) (registered map[string]http.RoundTripper, ok bool) {
	f := reflect.ValueOf(t).Elem().FieldByName("altProto")
	if !f.IsValid() || f.Type() != reflect.TypeFor[atomic.Value]() {
		return nil, false
	}
	registered, _ = (*atomic.Value)(f.Addr().UnsafePointer()).Load().(map[string]http.RoundTripper)
	return registered, true
}
