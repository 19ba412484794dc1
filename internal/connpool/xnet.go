package connpool

import (
	"fmt"
	"math"
	"net/http"
	"reflect"
	"slices"
	"strings"
	"time"
)

// The HTTP/2 of golang.org/x/net is found on a transport in one of two shapes:
//
//   - On Go 1.26, on newer ones with the build tag http2legacy, and by versions
//     of x/net from before Go 1.27 it is an implementation of its own, registered
//     for https: a struct whose only field is the *http2.Transport.
//   - From Go 1.27 on it is net/http's own. Registered, for "http/2", is a value that
//     gives net/http the settings: again a struct whose only field is the
//     *http2.Transport, with a method HTTP2Config.
//
// Either way net/http's own HTTP/2 can be given the same settings. X/net is not imported:
// its settings are exported fields, found by their names.

// cloneXNet clones a base on which rt is registered: x/net's HTTP/2, or something else.
func cloneXNet(base *http.Transport, rt http.RoundTripper) (clone *http.Transport, why string) {
	if typ := reflect.TypeOf(rt); !isXNet(typ.PkgPath()) {
		return nil, fmt.Sprintf("https is somebody else's on the transport, a %v", typ)
	}
	x, why := settingsOf(rt)
	if why == "" {
		why = x.lost(base)
	}
	if why != "" {
		return nil, why
	}
	t := base.Clone() // base has set itself up now
	for protocol := range base.TLSNextProto {
		if protocol != "h2" && protocol != "unencrypted_http2" {
			return nil, "the transport has protocols of its own in TLSNextProto"
		}
	}
	t.TLSNextProto = nil
	speaks := base.TLSNextProto["h2"] != nil && (tlsDialer(base) != nil || offersHTTP2(base))
	if speaks && !netHTTPHasHTTP2() {
		return nil, "its HTTP/2 is golang.org/x/net's, and net/http's is switched off in this program"
	}
	if t.Protocols == nil {
		t.Protocols = new(http.Protocols)
		t.Protocols.SetHTTP1(true)
	}
	// With Protocols set net/http writes NextProtos by itself, over what x/net has left
	// there.
	t.Protocols.SetHTTP2(speaks)
	t.HTTP2 = merge(base.HTTP2, x.http2)
	if x.idle > 0 && (t.IdleConnTimeout == 0 || x.idle < t.IdleConnTimeout) {
		// There is one IdleConnTimeout for both protocols. Too short a time costs a
		// handshake, too long a time a request.
		t.IdleConnTimeout = x.idle
	}
	return t, ""
}

func isXNet(pkg string) bool {
	const path = "golang.org/x/net/http2"
	return pkg == path || strings.HasSuffix(pkg, "/vendor/"+path)
}

// offersHTTP2 reports whether base has HTTP/2 among its protocols in a handshake:
// not if its TLSClientConfig was replaced behind x/net's back, on Go 1.26.
func offersHTTP2(base *http.Transport) bool {
	return base.TLSClientConfig != nil && slices.Contains(base.TLSClientConfig.NextProtos, "h2")
}

// netHTTPHasHTTP2 is false with GODEBUG=http2client=0 or in a build without it.
func netHTTPHasHTTP2() bool {
	t := &http.Transport{ForceAttemptHTTP2: true}
	t.CloseIdleConnections() // it sets itself up
	return t.TLSNextProto["h2"] != nil
}

// xnet are the settings of x/net's HTTP/2.
type xnet struct {
	http2        http.HTTP2Config
	idle         time.Duration
	headers      uint64 // MaxHeaderListSize
	uncompressed bool   // DisableCompression
}

// lost names a setting that a clone of base can't keep; empty if there is none. Net/http has
// some settings only for HTTP/1 and HTTP/2 together.
func (x xnet) lost(base *http.Transport) string {
	switch {
	case x.headers != 0 && base.MaxResponseHeaderBytes == 0:
		return "its HTTP/2 is golang.org/x/net's with a MaxHeaderListSize of its own"
	case x.uncompressed && !base.DisableCompression:
		return "its HTTP/2 is golang.org/x/net's with compression switched off for HTTP/2 alone"
	}
	return ""
}

// settingsOf reads the settings of the http2.Transport in rt. Why is not empty if
// one of them can't be carried over.
func settingsOf(rt http.RoundTripper) (x xnet, why string) {
	v := reflect.ValueOf(rt)
	if v.Kind() != reflect.Struct || v.NumField() != 1 || v.Field(0).Kind() != reflect.Pointer {
		return x, "its HTTP/2 is of a golang.org/x/net that is not known here"
	}
	v = v.Field(0).Elem()
	if v.Kind() != reflect.Struct {
		return x, "its HTTP/2 is of a golang.org/x/net that is not known here"
	}
	told, wrapped := rt.(interface{ HTTP2Config() http.HTTP2Config })
	carried := func(name string) bool {
		f := v.FieldByName(name)
		switch name {
		case "ReadIdleTimeout":
			return duration(f, &x.http2.SendPingTimeout)
		case "PingTimeout":
			return duration(f, &x.http2.PingTimeout)
		case "WriteByteTimeout":
			return duration(f, &x.http2.WriteByteTimeout)
		case "IdleConnTimeout":
			return duration(f, &x.idle)
		case "StrictMaxConcurrentStreams":
			return boolean(f, &x.http2.StrictMaxConcurrentRequests)
		case "DisableCompression":
			return boolean(f, &x.uncompressed)
		case "MaxReadFrameSize":
			return number(f, &x.http2.MaxReadFrameSize)
		case "MaxEncoderHeaderTableSize":
			return number(f, &x.http2.MaxEncoderHeaderTableSize)
		case "MaxDecoderHeaderTableSize":
			return number(f, &x.http2.MaxDecoderHeaderTableSize)
		case "MaxHeaderListSize":
			ok := f.CanUint()
			if ok {
				x.headers = f.Uint()
			}
			return ok
		case "CountError":
			return wrapped // net/http's client does not heed it on Go 1.26
		case "ConnPool":
			return !wrapped && isOwnPool(f, v.Type())
		}
		return false
	}
	switch name := unknownField(v, carried); name {
	case "":
	case "ConnPool":
		return x, "its HTTP/2 is golang.org/x/net's with a connection pool of its own"
	default:
		return x, "its HTTP/2 is golang.org/x/net's with a setting that can't be carried over, " + name
	}
	if wrapped {
		x.http2 = told.HTTP2Config()
	} else {
		// For a size that is zero or not allowed, x/net takes the nearest allowed one, and
		// net/http a default of its own.
		x.http2.MaxReadFrameSize = min(max(x.http2.MaxReadFrameSize, minFrame), maxFrame)
	}
	return x, ""
}

// minFrame and maxFrame are the sizes that HTTP/2 allows.
const minFrame, maxFrame = 1 << 14, 1<<24 - 1

// isOwnPool reports whether a ConnPool is the one that ConfigureTransports has made.
func isOwnPool(f reflect.Value, transport reflect.Type) bool {
	if f.Kind() != reflect.Interface || f.IsNil() {
		return false
	}
	pool := f.Elem().Type()
	return pool.Name() == "noDialClientConnPool" && pool.PkgPath() == transport.PkgPath()
}

func duration(f reflect.Value, to *time.Duration) bool {
	if !f.CanInt() {
		return false
	}
	*to = time.Duration(f.Int())
	return true
}

func boolean(f reflect.Value, to *bool) bool {
	if f.Kind() != reflect.Bool {
		return false
	}
	*to = f.Bool()
	return true
}

func number(f reflect.Value, to *int) bool {
	if !f.CanUint() {
		return false
	}
	*to = int(min(f.Uint(), math.MaxInt32))
	return true
}

// merge is x with the base's own HTTP2 over it: both implementations give that precedence.
func merge(base *http.HTTP2Config, x http.HTTP2Config) *http.HTTP2Config {
	if base != nil {
		from, to := reflect.ValueOf(base).Elem(), reflect.ValueOf(&x).Elem()
		for i := range from.NumField() {
			if f := from.Field(i); !f.IsZero() && to.Type().Field(i).IsExported() {
				to.Field(i).Set(f)
			}
		}
	}
	return &x
}
