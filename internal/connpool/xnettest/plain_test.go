package xnettest

import (
	"crypto/tls"
	"net"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
)

// httpServer is net/http's, which speaks HTTP/2, one stream a connection, and HTTP/1
// over TLS.
type httpServer struct {
	*httptest.Server
	tls         *tls.Config  // a client's
	handle      atomic.Value // of a func(): for each request
	connections atomic.Int32
}

func newHTTPServer(t *testing.T, http2 bool) *httpServer {
	s := new(httpServer)
	s.Server = httptest.NewUnstartedServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		if f, ok := s.handle.Load().(func()); ok {
			f()
		}
	}))
	s.EnableHTTP2 = http2
	s.Config.HTTP2 = &http.HTTP2Config{MaxConcurrentStreams: 1}
	s.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		if state == http.StateNew {
			s.connections.Add(1)
		}
	}
	s.StartTLS()
	t.Cleanup(s.Close)
	s.tls = &tls.Config{RootCAs: s.Client().Transport.(*http.Transport).TLSClientConfig.RootCAs}
	return s
}

// proto is what a request by rt is answered over.
func (s *httpServer) proto(t *testing.T, rt http.RoundTripper) string {
	t.Helper()
	resp, err := (&http.Client{Transport: rt}).Get(s.URL)
	if err != nil {
		t.Error(err)
		return ""
	}
	resp.Body.Close()
	return resp.Proto
}
