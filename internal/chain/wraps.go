package chain

import (
	"net/http"
	"reflect"
)

// Wraps reports whether rt is a middleware, as far as that can be seen. There are two signs:
//
//   - it can be unwrapped;
//   - its type has a field for a RoundTripper or a client, itself (otelhttp, oauth2) or in a
//     struct that it has or points to (retryablehttp).
//
// A function may hold a RoundTripper that can't be seen. Fields' values are not read, only
// their types: another goroutine may write to the values.
func Wraps(rt http.RoundTripper) bool {
	return rt != nil && (Unwrap(rt) != nil || hasNext(reflect.TypeOf(rt), 2))
}

var (
	roundTripper = reflect.TypeFor[http.RoundTripper]()
	client       = reflect.TypeFor[http.Client]()
)

// hasNext reports whether t, or a struct in it down to the given depth, has a field for an
// http.Client or a RoundTripper of any interface type. An *http.Transport does not count: a
// transport of another kind may have it for its settings, as golang.org/x/net's HTTP/2 does.
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
