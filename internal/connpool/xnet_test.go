package connpool

import (
	"crypto/tls"
	"net/http"
	"reflect"
	"strings"
	"testing"
	"time"
)

// The root module does not import golang.org/x/net: these stand for its two shapes.
// The module in xnettest holds the real ones against them.

type fakeSettings struct {
	DialTLS                    func(network, addr string, cfg *tls.Config) error
	TLSClientConfig            *tls.Config
	ConnPool                   any
	DisableCompression         bool
	AllowHTTP                  bool
	MaxHeaderListSize          uint32
	MaxReadFrameSize           uint32
	MaxDecoderHeaderTableSize  uint32
	MaxEncoderHeaderTableSize  uint32
	StrictMaxConcurrentStreams bool
	IdleConnTimeout            time.Duration
	ReadIdleTimeout            time.Duration
	PingTimeout                time.Duration
	WriteByteTimeout           time.Duration
	CountError                 func(string)
	internal                   int
}

type noDialClientConnPool struct{}

// separate is what x/net registers where its HTTP/2 is an implementation of its own.
type separate struct{ *fakeSettings }

func (separate) RoundTrip(*http.Request) (*http.Response, error) { return nil, http.ErrSkipAltProtocol }

// wrapped is what x/net registers where its HTTP/2 is net/http's.
type wrapped struct{ t *fakeSettings }

func (wrapped) RoundTrip(*http.Request) (*http.Response, error) { return nil, http.ErrSkipAltProtocol }

func (w wrapped) HTTP2Config() http.HTTP2Config {
	return http.HTTP2Config{SendPingTimeout: w.t.ReadIdleTimeout, CountError: w.t.CountError, MaxReadFrameSize: int(w.t.MaxReadFrameSize)}
}

func TestSettingsOfXNetAreReadFromBothShapes(t *testing.T) {
	x, why := settingsOf(separate{&fakeSettings{
		ConnPool: noDialClientConnPool{}, internal: 1,
		ReadIdleTimeout: 1, PingTimeout: 2, WriteByteTimeout: 3, IdleConnTimeout: 4, StrictMaxConcurrentStreams: true,
		MaxEncoderHeaderTableSize: 5, MaxDecoderHeaderTableSize: 6, MaxHeaderListSize: 7, DisableCompression: true,
		MaxReadFrameSize: 1 << 20,
	}})
	want := xnet{idle: 4, headers: 7, uncompressed: true, http2: http.HTTP2Config{
		SendPingTimeout: 1, PingTimeout: 2, WriteByteTimeout: 3, StrictMaxConcurrentRequests: true,
		MaxEncoderHeaderTableSize: 5, MaxDecoderHeaderTableSize: 6, MaxReadFrameSize: 1 << 20,
	}}
	if why != "" || !reflect.DeepEqual(x, want) {
		t.Errorf("an implementation of its own: %+v, %q, want %+v", x, why, want)
	}
	x, why = settingsOf(wrapped{&fakeSettings{ReadIdleTimeout: 1, IdleConnTimeout: 4, CountError: func(string) {}}})
	if why != "" || x.http2.SendPingTimeout != 1 || x.http2.CountError == nil || x.idle != 4 {
		t.Errorf("net/http's own: %+v, %q", x, why)
	}
}

// TestFrameSizeIsWhatXNetTakes: for a size that is not allowed x/net takes the nearest one that
// is, and net/http its default.
func TestFrameSizeIsWhatXNetTakes(t *testing.T) {
	for told, want := range map[uint32]int{0: 1 << 14, 1: 1 << 14, 1 << 20: 1 << 20, 1 << 30: 1<<24 - 1} {
		if x, _ := settingsOf(separate{&fakeSettings{MaxReadFrameSize: told}}); x.http2.MaxReadFrameSize != want {
			t.Errorf("told %d: %d, want %d", told, x.http2.MaxReadFrameSize, want)
		}
	}
}

func TestWhatCannotBeCarriedOverIsSaid(t *testing.T) {
	for name, rt := range map[string]http.RoundTripper{
		"connection pool of its own": separate{&fakeSettings{ConnPool: 1}},
		"connection pool of its ":    wrapped{&fakeSettings{ConnPool: noDialClientConnPool{}}},
		"DialTLS":                    separate{&fakeSettings{DialTLS: func(string, string, *tls.Config) error { return nil }}},
		"AllowHTTP":                  wrapped{&fakeSettings{AllowHTTP: true}},
		"TLSClientConfig":            separate{&fakeSettings{TLSClientConfig: &tls.Config{}}},
		"CountError":                 separate{&fakeSettings{CountError: func(string) {}}},
		"New":                        oneField[*struct{ New int }]{&struct{ New int }{1}},
		"MaxReadFrameSize":           oneField[*struct{ MaxReadFrameSize string }]{&struct{ MaxReadFrameSize string }{"1"}},
		"not known here":             oneField[int]{5},
	} {
		if _, why := settingsOf(rt); !strings.Contains(why, name) {
			t.Errorf("%s: why is %q", name, why)
		}
	}
	headers, quiet := xnet{headers: 1}, xnet{uncompressed: true}
	for name, row := range map[string]struct {
		x    xnet
		base *http.Transport
		lost bool
	}{
		"header limit of HTTP/2 alone":     {headers, &http.Transport{}, true},
		"header limit that is passed over": {headers, &http.Transport{MaxResponseHeaderBytes: 1}, false},
		"no gzip over HTTP/2 alone":        {quiet, &http.Transport{}, true},
		"no gzip at all":                   {quiet, &http.Transport{DisableCompression: true}, false},
	} {
		if why := row.x.lost(row.base); (why != "") != row.lost {
			t.Errorf("%s: why is %q", name, why)
		}
	}
}

// oneField is registered by a package that looks like x/net.
type oneField[T any] struct{ t T }

func (oneField[T]) RoundTrip(*http.Request) (*http.Response, error) {
	return nil, http.ErrSkipAltProtocol
}

func TestForkOfXNetIsLeftAlone(t *testing.T) {
	base := &http.Transport{}
	base.RegisterProtocol("https", separate{&fakeSettings{ConnPool: noDialClientConnPool{}}})
	const want = "https is somebody else's on the transport, a connpool.separate"
	if clone, why := Clone(base); clone != nil || why != want {
		t.Errorf("cloned: %v, why is %q, want %q", clone != nil, why, want)
	}
	for path, want := range map[string]bool{
		"golang.org/x/net/http2":                        true,
		"example.com/app/vendor/golang.org/x/net/http2": true,
		"example.com/golang.org/x/net/http2":            false,
		"github.com/fork/net/http2":                     false,
	} {
		if got := isXNet(path); got != want {
			t.Errorf("%s is x/net's: %v", path, got)
		}
	}
}

func TestTransportsOwnHTTP2SettingsComeFirst(t *testing.T) {
	got := merge(&http.HTTP2Config{PingTimeout: 1, MaxConcurrentStreams: 2}, http.HTTP2Config{PingTimeout: 3, SendPingTimeout: 4})
	if want := (http.HTTP2Config{PingTimeout: 1, SendPingTimeout: 4, MaxConcurrentStreams: 2}); !reflect.DeepEqual(*got, want) {
		t.Errorf("%+v, want %+v", *got, want)
	}
}
