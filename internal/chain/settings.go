package chain

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"maps"
	"net/http"
	"reflect"
	"unsafe"
)

// copySettings returns a transport with the exported fields of t, with copies of the structs
// and maps in them that SDKs write to.
func copySettings(t *http.Transport) *http.Transport {
	c := new(http.Transport)
	from, to := reflect.ValueOf(t).Elem(), reflect.ValueOf(c).Elem()
	for i := range from.NumField() {
		if f := to.Field(i); f.CanSet() {
			f.Set(from.Field(i))
		}
	}
	ownSettings(c)
	return c
}

// ownSettings gives c copies of the structs and maps that its settings share with another
// transport, and that SDKs write to.
func ownSettings(c *http.Transport) {
	if cfg := c.TLSClientConfig.Clone(); cfg != nil {
		cfg.RootCAs, cfg.ClientCAs = cloneCAs(cfg.RootCAs), cloneCAs(cfg.ClientCAs)
		c.TLSClientConfig = cfg
	}
	c.ProxyConnectHeader = c.ProxyConnectHeader.Clone()
	c.TLSNextProto = maps.Clone(c.TLSNextProto)
	if p := c.HTTP2; p != nil {
		h := *p
		c.HTTP2 = &h
	}
	if p := c.Protocols; p != nil {
		q := *p
		c.Protocols = &q
	}
}

func cloneCAs(p *x509.CertPool) *x509.CertPool {
	if p == nil {
		return nil
	}
	return p.Clone()
}

// changed names the first setting of t that differs from was; empty if none does.
func changed(t, was *http.Transport) string {
	i := differ(reflect.ValueOf(t).Elem(), reflect.ValueOf(was).Elem(), 0)
	if i < 0 {
		return ""
	}
	name := reflect.TypeFor[http.Transport]().Field(i).Name
	if a, b := t.TLSClientConfig, was.TLSClientConfig; name == "TLSClientConfig" && a != nil && b != nil {
		i := differ(reflect.ValueOf(a).Elem(), reflect.ValueOf(b).Elem(), 0)
		name += "." + tlsConfig.Elem().Field(i).Name
	}
	return name
}

// differ returns the index of the first exported field, from the given index on, in which
// two structs of one type differ; -1 if there is none.
func differ(a, b reflect.Value, from int) int {
	for i := from; i < a.NumField(); i++ {
		if f := a.Field(i); f.CanInterface() && !same(f, b.Field(i)) {
			return i
		}
	}
	return -1
}

var (
	tlsConfig   = reflect.TypeFor[*tls.Config]()
	http2Config = reflect.TypeFor[*http.HTTP2Config]()
	protocols   = reflect.TypeFor[*http.Protocols]()
	certPool    = reflect.TypeFor[*x509.CertPool]()
)

// same reports whether two settings are the same, by kind:
//
//   - functions, if they are one closure, and not only the same code;
//   - pointers, if they point to the same thing, or to a copy that copySettings has made;
//   - other values, if they are equal.
func same(a, b reflect.Value) bool {
	switch a.Kind() {
	case reflect.Bool:
		return a.Bool() == b.Bool()
	case reflect.Int, reflect.Int64:
		return a.Int() == b.Int()
	case reflect.Func: // compares closures: Pointer would compare the code alone
		return *(*uintptr)(unsafe.Pointer(a.UnsafeAddr())) == *(*uintptr)(unsafe.Pointer(b.UnsafeAddr())) // #nosec G103 -- reads the word of a func field, whose address is valid as long as the struct is
	case reflect.Array:
		if a.Type().Elem().Kind() == reflect.Uint8 && a.CanAddr() && b.CanAddr() {
			return bytes.Equal(a.Bytes(), b.Bytes())
		}
		return a.Equal(b)
	case reflect.Pointer:
		if a.Equal(b) || a.IsNil() || b.IsNil() {
			return a.Equal(b)
		}
		switch a.Type() {
		case tlsConfig, http2Config:
			return differ(a.Elem(), b.Elem(), 0) < 0
		case protocols: // its fields are not exported: differ would see none
			return a.Elem().Equal(b.Elem())
		case certPool:
			return a.Interface().(*x509.CertPool).Equal(b.Interface().(*x509.CertPool))
		}
		return false
	case reflect.Slice:
		if a.IsNil() != b.IsNil() || a.Len() != b.Len() {
			return false
		}
		for i := range a.Len() {
			if !same(a.Index(i), b.Index(i)) {
				return false
			}
		}
		return true
	case reflect.Map:
		return sameMap(a, b)
	case reflect.Struct:
		return differ(a, b, 0) < 0
	case reflect.Interface:
		if a.IsNil() || b.IsNil() || a.Elem().Type() != b.Elem().Type() {
			return a.IsNil() && b.IsNil()
		}
		if a.Elem().Comparable() {
			return a.Equal(b)
		}
		return same(addressable(a.Elem()), addressable(b.Elem()))
	}
	return a.Equal(b)
}

func sameMap(a, b reflect.Value) bool {
	if a.IsNil() != b.IsNil() || a.Len() != b.Len() {
		return false
	}
	if x, ok := a.Interface().(nextProtos); ok {
		return sameProtos(x, b.Interface().(nextProtos))
	}
	for _, k := range a.MapKeys() {
		x, y := a.MapIndex(k), b.MapIndex(k)
		if !y.IsValid() || !same(addressable(x), addressable(y)) {
			return false
		}
	}
	return true
}

// nextProtos is the type of Transport.TLSNextProto. Each façade has one.
type nextProtos = map[string]func(authority string, c *tls.Conn) http.RoundTripper

// sameProtos reports whether two maps of the same length have functions of the same code.
// That suffices: a façade's own functions are no closures, and a map with others is not
// taken over.
func sameProtos(a, b nextProtos) bool {
	for k, f := range a {
		if g, ok := b[k]; !ok || reflect.ValueOf(f).Pointer() != reflect.ValueOf(g).Pointer() {
			return false
		}
	}
	return true
}

// addressable returns a copy of v that has an address: same reads a function's closure there.
func addressable(v reflect.Value) reflect.Value {
	p := reflect.New(v.Type()).Elem()
	p.Set(v)
	return p
}
