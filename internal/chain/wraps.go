package chain

import (
	"net/http"
	"reflect"
)

// Wraps reports whether rt is a middleware, as far as that can be seen: it can be
// unwrapped, or its type has a field for the RoundTripper or the client that it sends
// requests by, at once (otelhttp, oauth2) or in what it points to (retryablehttp). A
// function may have one that can't be seen. Only types are looked at: the fields are
// somebody else's, and may change meanwhile.
func Wraps(rt http.RoundTripper) bool {
	return rt != nil && (Unwrap(rt) != nil || hasNext(reflect.TypeOf(rt), 2))
}

var (
	roundTripper = reflect.TypeFor[http.RoundTripper]()
	client       = reflect.TypeFor[http.Client]()
)

// hasNext looks for a field that holds a RoundTripper of whatever type, or an
// http.Client, in t and as many structs deep. A *http.Transport is not one: a transport
// of another kind may have it for its settings, as golang.org/x/net's HTTP/2 does.
func hasNext(t reflect.Type, depth int) bool {
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if t == client {
		return true
	}
	if depth == 0 || t.Kind() != reflect.Struct || t.PkgPath() == client.PkgPath() {
		return false
	}
	for i := range t.NumField() {
		f := t.Field(i).Type
		if f.Kind() == reflect.Interface && f.Implements(roundTripper) || hasNext(f, depth-1) {
			return true
		}
	}
	return false
}
