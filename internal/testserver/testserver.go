// Package testserver starts HTTP servers on loopback that count new connections.
//
// A Server is an httptest.Server with a ConnState hook. It lives for one test
// or one row of an example, listens on 127.0.0.1 only, and Close ends it with
// every connection that it still has.
package testserver

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"sync"
)

// Options says what kind of server to start. The zero value is a plain
// HTTP/1.1 server with net/http's defaults.
type Options struct {
	// TLS serves https with a certificate for the same names as httptest's.
	TLS bool
	// HTTP2 serves HTTP/2 over TLS; it implies TLS.
	HTTP2 bool
	// Memory serves in-memory connections, for a testing/synctest bubble; only
	// Transport and Dial reach it.
	Memory bool
	// Listener, if not nil, is the server's listener, of a unix socket for example. The
	// server closes it.
	Listener net.Listener
	// Config, if not nil, may change the http.Server before it starts:
	// timeouts, keep-alives.
	Config func(*http.Server)
}

// Server is a running server that counts its connections. Its methods are safe
// for concurrent use.
type Server struct {
	// URL is the base URL, without a slash at the end.
	URL string
	// Addr is the address that it listens on, host:port.
	Addr string

	srv    *httptest.Server
	memory *memory // nil if it listens on loopback

	mu     sync.Mutex
	opened int
	open   map[net.Conn]struct{}
}

// New starts a server that answers with h.
func New(h http.Handler, opts Options) *Server {
	s := &Server{open: make(map[net.Conn]struct{})}
	s.srv = httptest.NewUnstartedServer(h)
	s.srv.EnableHTTP2 = opts.HTTP2
	// Some tests have clients that give up in a handshake: the log would be full of them.
	s.srv.Config.ErrorLog = log.New(io.Discard, "", 0)
	if opts.Config != nil {
		opts.Config(s.srv.Config)
	}
	s.srv.Config.ConnState = s.count
	if opts.Listener != nil {
		s.srv.Listener.Close()
		s.srv.Listener = opts.Listener
	}
	if opts.Memory {
		s.srv.Listener.Close()
		s.memory = newMemory()
		s.srv.Listener = s.memory
	}
	s.Addr = s.srv.Listener.Addr().String()
	s.URL = "http://" + s.Addr
	if opts.TLS || opts.HTTP2 {
		// Not by StartTLS, which reads httptest's RSA key each time: a millisecond that
		// hundreds of tests would pay.
		s.srv.TLS = &tls.Config{Certificates: []tls.Certificate{shared()}, NextProtos: []string{"http/1.1"}, CurvePreferences: curves}
		if opts.HTTP2 {
			s.srv.TLS.NextProtos = []string{"h2"}
		}
		s.srv.Listener = tls.NewListener(s.srv.Listener, s.srv.TLS)
		s.URL = "https://" + s.Addr
	}
	s.srv.Start()
	return s
}

// count is a ConnState hook. It is set before the start, so httptest's own hook calls it.
func (s *Server) count(c net.Conn, state http.ConnState) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch state {
	case http.StateNew:
		s.opened++
		s.open[c] = struct{}{}
	case http.StateClosed, http.StateHijacked:
		delete(s.open, c)
	}
}

// Opened is the number of connections accepted so far.
func (s *Server) Opened() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.opened
}

// Open is the number of connections that the server has open now, hijacked
// ones not counted.
func (s *Server) Open() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.open)
}

// CloseClientConnections closes every connection from the server's side.
func (s *Server) CloseClientConnections() { s.srv.CloseClientConnections() }

// ClientTLS is a configuration that trusts the server's certificate. Each call
// returns a new one; nil if the server is plain.
func (s *Server) ClientTLS() *tls.Config {
	if s.srv.TLS == nil {
		return nil
	}
	return Trusts(s.srv.TLS.Certificates[0])
}

// Certificate returns the server's certificate; nil if the server is plain.
func (s *Server) Certificate() *x509.Certificate {
	if s.srv.TLS == nil {
		return nil
	}
	return s.srv.TLS.Certificates[0].Leaf
}

// Transport returns a new transport that trusts the server, with net/http's
// defaults for all other settings.
func (s *Server) Transport() *http.Transport {
	t := &http.Transport{TLSClientConfig: s.ClientTLS(), ForceAttemptHTTP2: true}
	if s.memory != nil {
		t.DialContext = s.Dial
	}
	return t
}

// Dial connects to the server, or over loopback to addr.
func (s *Server) Dial(ctx context.Context, network, addr string) (net.Conn, error) {
	if s.memory != nil {
		return s.memory.dial(ctx)
	}
	return new(net.Dialer).DialContext(ctx, network, addr)
}

// Close ends the server and its connections. It does not wait for handlers
// that hang: their connections are closed while they run.
func (s *Server) Close() {
	s.srv.CloseClientConnections()
	s.srv.Config.Close()
	s.srv.Close()
}
