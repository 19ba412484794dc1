package chain

import (
	"net/http"
	"reflect"
	"strings"
	"sync/atomic"
)

// Registered reports whether something of somebody else's was registered with
// t.RegisterProtocol: schemes like unix://, a custom https, HTTP/2 from
// golang.org/x/net, a facade's stack. Those requests are not net/http's own, and
// a Clone loses them.
//
// The registrations are in a field that is not exported. Reading it can't
// change it; if net/http renames it, the answer is yes, and a test says so.
func Registered(t *http.Transport) bool {
	f := reflect.ValueOf(t).Elem().FieldByName("altProto")
	if !f.IsValid() || f.Type() != reflect.TypeFor[atomic.Value]() {
		return true
	}
	registered, _ := (*atomic.Value)(f.Addr().UnsafePointer()).Load().(map[string]http.RoundTripper)
	for scheme, rt := range registered {
		// net/http registers its own HTTP/2 under https.
		if scheme != "https" || !strings.HasPrefix(reflect.TypeOf(rt).PkgPath(), "net/http") {
			return true
		}
	}
	return false
}
