package connpool

import (
	"crypto/tls"
	"net/http"
	"reflect"
	"testing"
)

// TestSettingsOfTransportAreKnown fails on a Go whose http.Transport has a new field. Does it
// change how connections are kept, shared or made? Then New and its Pool must heed it. After
// that it belongs in knownSetting.
func TestSettingsOfTransportAreKnown(t *testing.T) {
	for f := range reflect.TypeFor[http.Transport]().Fields() {
		if f.IsExported() && !knownSetting(f.Name) {
			t.Errorf("http.Transport has %s %v, which is new", f.Name, f.Type)
		}
	}
}

func TestSettingThatIsNotKnownCountsOnceItIsSet(t *testing.T) {
	type newer struct {
		Proxy   func()
		PoolBy  func()
		private int
	}
	for want, v := range map[string]newer{"": {Proxy: func() {}, private: 1}, "PoolBy": {PoolBy: func() {}}} {
		if got := unknownField(reflect.ValueOf(v), knownSetting); got != want {
			t.Errorf("found %q, want %q", got, want)
		}
	}
}

func TestPlainTransportIsClonedAndSpeaksWhatItSpoke(t *testing.T) {
	none := map[string]func(string, *tls.Conn) http.RoundTripper{}
	http1 := new(http.Protocols)
	http1.SetHTTP1(true)
	for name, row := range map[string]struct {
		base  *http.Transport
		http2 bool
	}{
		"zero":         {&http.Transport{}, true},
		"TLS config":   {&http.Transport{TLSClientConfig: &tls.Config{}}, false},
		"forced":       {&http.Transport{TLSClientConfig: &tls.Config{}, ForceAttemptHTTP2: true}, true},
		"switched off": {&http.Transport{TLSNextProto: none}, false},
		"HTTP/1 only":  {&http.Transport{Protocols: http1}, false},
	} {
		clone, why := Clone(row.base)
		if clone == nil || why != "" {
			t.Errorf("%s: not cloned: %s", name, why)
			continue
		}
		clone.DialContext = dialer(&http.Transport{}) // as New does
		clone.CloseIdleConnections()                  // it sets itself up
		if got := clone.TLSNextProto["h2"] != nil; got != row.http2 {
			t.Errorf("%s: the clone speaks HTTP/2: %v, want %v", name, got, row.http2)
		}
	}
}
