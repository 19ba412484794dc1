package xnettest

//lint:file-ignore SA1019 what SDKs call, deprecated or not, is what is tested

import (
	"crypto/tls"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/net/http2"

	"github.com/warmconn/warmconn/drain"
	"github.com/warmconn/warmconn/pool"
	"github.com/warmconn/warmconn/roundtripper"
)

// The transports of SDKs, by the calls that make them.
var sdks = map[string]func(t *testing.T, cfg *tls.Config) *http.Transport{
	"client-go": func(t *testing.T, cfg *tls.Config) *http.Transport {
		base := &http.Transport{
			Proxy: http.ProxyFromEnvironment, TLSHandshakeTimeout: 10 * time.Second, TLSClientConfig: cfg, MaxIdleConnsPerHost: 25,
			DialContext: (&net.Dialer{Timeout: 30 * time.Second, KeepAlive: 30 * time.Second}).DialContext,
		}
		h2 := configure(t, base)
		h2.ReadIdleTimeout, h2.PingTimeout = 30*time.Second, 15*time.Second
		return base
	},
	"azcore": func(t *testing.T, cfg *tls.Config) *http.Transport {
		cfg.MinVersion, cfg.Renegotiation = tls.VersionTLS12, tls.RenegotiateFreelyAsClient
		base := &http.Transport{
			Proxy: http.ProxyFromEnvironment, ForceAttemptHTTP2: true, MaxIdleConns: 100, MaxIdleConnsPerHost: 10, IdleConnTimeout: 90 * time.Second,
			DialContext:         (&net.Dialer{Timeout: 30 * time.Second, KeepAlive: 30 * time.Second}).DialContext,
			TLSHandshakeTimeout: 10 * time.Second, ExpectContinueTimeout: time.Second, TLSClientConfig: cfg,
		}
		h2 := configure(t, base)
		h2.ReadIdleTimeout, h2.PingTimeout = 10*time.Second, 5*time.Second
		return base
	},
	"google": func(t *testing.T, cfg *tls.Config) *http.Transport {
		base := http.DefaultTransport.(*http.Transport).Clone()
		base.MaxIdleConnsPerHost, base.TLSClientConfig = 100, cfg
		configure(t, base).ReadIdleTimeout = 31 * time.Second
		return base
	},
	"vault": func(t *testing.T, cfg *tls.Config) *http.Transport {
		base := &http.Transport{TLSClientConfig: cfg, MaxIdleConnsPerHost: 4, DialContext: (&net.Dialer{}).DialContext}
		if err := http2.ConfigureTransport(base); err != nil {
			t.Fatal(err)
		}
		return base
	},
	"everything set": func(t *testing.T, cfg *tls.Config) *http.Transport {
		base := &http.Transport{TLSClientConfig: cfg, MaxResponseHeaderBytes: 1 << 16, HTTP2: &http.HTTP2Config{PingTimeout: time.Second}}
		h2 := configure(t, base)
		h2.ReadIdleTimeout, h2.PingTimeout, h2.WriteByteTimeout, h2.IdleConnTimeout = time.Minute, time.Minute, time.Minute, time.Minute
		h2.MaxReadFrameSize, h2.MaxDecoderHeaderTableSize, h2.MaxEncoderHeaderTableSize = 1<<18, 1<<13, 1<<13
		h2.StrictMaxConcurrentStreams = true
		return base
	},
}

func configure(t *testing.T, base *http.Transport) *http2.Transport {
	h2, err := http2.ConfigureTransports(base)
	if err != nil {
		t.Fatal(err)
	}
	return h2
}

func wrap(t *testing.T, base http.RoundTripper) http.RoundTripper {
	p := pool.New(pool.Options{})
	t.Cleanup(func() { p.Close() })
	rt := roundtripper.Wrap(base, drain.New(drain.Options{}).Middleware, p.Middleware)
	// It lives till then: the idle connections of a stack that is collected are closed.
	t.Cleanup(func() { roundtripper.CloseIdleConnections(rt) })
	return rt
}

// TestTransportsOfSDKsAreOwned: one connection for all, made as the transport would
// have made it.
func TestTransportsOfSDKsAreOwned(t *testing.T) {
	for name, sdk := range sdks {
		t.Run(name, func(t *testing.T) {
			s := serve(t)
			bare := sdk(t, s.tls.Clone())
			s.get(t, bare)
			bare.CloseIdleConnections()
			want := <-s.settings

			rt := wrap(t, sdk(t, s.tls.Clone()))
			if d := roundtripper.Describe(rt); !strings.Contains(d, "owns the connections") {
				t.Errorf("Describe says\n%s", d)
			}
			const requests = 100
			for range requests / 2 {
				s.get(t, rt)
			}
			var all sync.WaitGroup
			for range requests / 2 {
				all.Go(func() { s.get(t, rt) })
			}
			all.Wait()
			if n := s.connections() - 1; n != 1 {
				t.Errorf("%d connections for %d requests, want 1", n, requests)
			}
			if got := <-s.settings; got != want {
				t.Errorf("the owned connection's SETTINGS are\n%s, want those of the transport\n%s", got, want)
			}
		})
	}
}

// TestSilentConnectionIsPinged: by what http2.Transport was told, after
// ConfigureTransports and before the wrap.
func TestSilentConnectionIsPinged(t *testing.T) {
	s := serve(t)
	base := &http.Transport{TLSClientConfig: s.tls}
	configure(t, base).ReadIdleTimeout = 20 * time.Millisecond
	s.get(t, wrap(t, base))
	for range 3 {
		select {
		case <-s.pings:
		case <-s.closed:
			t.Fatal("the connection was closed, though its pings are answered")
		case <-time.After(10 * time.Second):
			t.Fatal("no ping in 10 s")
		}
	}
	if n := s.connections(); n != 1 {
		t.Errorf("%d connections, want 1", n)
	}
}

func TestConnectionWhosePingsAreNotAnsweredIsReplaced(t *testing.T) {
	s := serve(t)
	base := &http.Transport{TLSClientConfig: s.tls}
	h2 := configure(t, base)
	h2.ReadIdleTimeout, h2.PingTimeout = 20*time.Millisecond, 20*time.Millisecond
	rt := wrap(t, base)
	s.get(t, rt)
	s.noAck.Store(true) // not before: a server that is slow would lose its connection under the request
	select {
	case <-s.closed: // 15 s would be the default
	case <-time.After(10 * time.Second):
		t.Fatal("the connection is open, and its pings are not answered")
	}
	s.noAck.Store(false)
	s.get(t, rt)
	if n := s.connections(); n != 2 {
		t.Errorf("%d connections, want 2", n)
	}
}

// TestConnectionIsClosedByTheTimeOfXNet: the shorter of both.
func TestConnectionIsClosedByTheTimeOfXNet(t *testing.T) {
	s := serve(t)
	base := &http.Transport{TLSClientConfig: s.tls, IdleConnTimeout: time.Hour}
	configure(t, base).IdleConnTimeout = 50 * time.Millisecond
	s.get(t, wrap(t, base))
	select {
	case <-s.closed:
	case <-time.After(10 * time.Second):
		t.Fatal("the idle connection is open after 10 s")
	}
}

// TestReplacedTLSConfigSpeaksWhatItSpoke: a TLSClientConfig that replaces the one
// that x/net has written in ends HTTP/2 on Go 1.26, and on Go 1.27 it does not.
func TestReplacedTLSConfigSpeaksWhatItSpoke(t *testing.T) {
	srv := newHTTPServer(t, true)
	made := func() *http.Transport {
		base := &http.Transport{}
		configure(t, base)
		base.TLSClientConfig = srv.tls.Clone()
		return base
	}
	bare := made()
	defer bare.CloseIdleConnections()
	want := srv.proto(t, bare)
	rt := wrap(t, made())
	if d := roundtripper.Describe(rt); !strings.Contains(d, "owns the connections") {
		t.Errorf("Describe says\n%s", d)
	}
	if got := srv.proto(t, rt); got != want {
		t.Errorf("speaks %s, want %s as the transport does", got, want)
	}
}

// TestServerWithoutHTTP2IsSpokenToOverHTTP1: x/net leaves h2 in NextProtos.
func TestServerWithoutHTTP2IsSpokenToOverHTTP1(t *testing.T) {
	srv := newHTTPServer(t, false)
	base := &http.Transport{TLSClientConfig: srv.tls.Clone()}
	configure(t, base)
	if got := srv.proto(t, wrap(t, base)); got != "HTTP/1.1" {
		t.Errorf("speaks %s", got)
	}
}

// TestWithoutNetHTTPsHTTP2SpeaksWhatItSpoke: GODEBUG=http2client=0 switches off
// net/http's HTTP/2 and not x/net's, which is another one on Go 1.26 alone.
func TestWithoutNetHTTPsHTTP2SpeaksWhatItSpoke(t *testing.T) {
	t.Setenv("GODEBUG", "http2client=0")
	srv := newHTTPServer(t, true)
	bare, base := &http.Transport{TLSClientConfig: srv.tls.Clone()}, &http.Transport{TLSClientConfig: srv.tls.Clone()}
	configure(t, bare)
	configure(t, base)
	t.Cleanup(bare.CloseIdleConnections)
	t.Cleanup(base.CloseIdleConnections)
	want := srv.proto(t, bare)
	rt := wrap(t, base)
	if got := srv.proto(t, rt); got != want {
		t.Errorf("speaks %s, want %s as the transport does", got, want)
	}
	if d := roundtripper.Describe(rt); want == "HTTP/2.0" && !strings.Contains(d, "net/http's is switched off in this program") {
		t.Errorf("Describe says\n%s", d)
	}
}

// TestLimitOfStreamsIsWaitedFor: http2.Transport was told so. Else other connections
// would be made.
func TestLimitOfStreamsIsWaitedFor(t *testing.T) {
	srv := newHTTPServer(t, true)
	base := &http.Transport{TLSClientConfig: srv.tls.Clone()}
	configure(t, base).StrictMaxConcurrentStreams = true
	rt := wrap(t, base)
	srv.proto(t, rt) // from now on the limit of one is known
	began, release := make(chan struct{}), make(chan struct{})
	srv.handle.Store(func() {
		began <- struct{}{}
		<-release
	})
	const requests = 4
	var all sync.WaitGroup
	for range requests {
		all.Go(func() { srv.proto(t, rt) })
	}
	for range requests {
		<-began
		release <- struct{}{}
	}
	all.Wait()
	if n := srv.connections.Load(); n != 1 {
		t.Errorf("%d connections, want 1", n)
	}
}
