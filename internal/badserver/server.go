package badserver

import (
	"crypto/tls"
	"io"
	"log"
	"net"
	"net/http"
	"sync"
	"sync/atomic"

	"github.com/warmconn/warmconn/internal/testserver"
)

// Proto is a server's protocol.
type Proto string

// The protocols.
const (
	Plain Proto = "http" // HTTP/1.1
	TLS   Proto = "tls"  // HTTP/1.1
	HTTP2 Proto = "h2"   // over TLS
)

// Fault is a way to misbehave. Each constructor describes its own.
type Fault struct {
	// Name names it in a table.
	Name  string
	Proto Proto
	// Uploads says that only large request bodies show the fault.
	Uploads bool

	config func(*http.Server)
	idle   func(*conn)       // a connection became idle
	used   func(*conn) bool  // bytes came on an idle one: true closes it
	serve  func(e *exchange) // handles a request; nil answers it
}

// Server is a running server. Its methods are safe for concurrent use.
type Server struct {
	// URL is the base URL, without a slash at the end.
	URL string

	fault Fault
	seed  uint64
	cert  tls.Certificate
	srv   *http.Server
	done  chan struct{} // closed by Close
	ended chan struct{} // closed when Serve has returned

	zips, unzips     sync.Pool    // *gzip.Writer and *gzip.Reader, which are dear to make
	swallowed, mixed atomic.Int64 // connections, responses

	mu       sync.Mutex
	accepted int
	open     map[*conn]struct{}
	seen     map[uint64]int // how often a request came, by ID
	twice    map[string]int // requests that came again, by operation
	wrong    []string       // request bodies with bytes of another request
}

// Start starts a server on 127.0.0.1.
func Start(f Fault, seed uint64) (*Server, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	s := &Server{
		fault: f,
		seed:  seed,
		done:  make(chan struct{}),
		ended: make(chan struct{}),
		open:  make(map[*conn]struct{}),
		seen:  make(map[uint64]int),
		twice: make(map[string]int),
	}
	s.srv = &http.Server{
		Handler:     http.HandlerFunc(s.serve),
		ErrorLog:    log.New(io.Discard, "", 0),
		ConnContext: withConn,
		ConnState:   func(nc net.Conn, state http.ConnState) { under(nc).state(state) },
		Protocols:   new(http.Protocols),
	}
	s.srv.Protocols.SetHTTP1(f.Proto != HTTP2)
	s.srv.Protocols.SetHTTP2(f.Proto == HTTP2)
	if f.config != nil {
		f.config(s.srv)
	}
	if f.Proto == Plain {
		s.URL = "http://" + l.Addr().String()
	} else {
		s.URL = "https://" + l.Addr().String()
		s.cert = testserver.NewCert()
		s.srv.TLSConfig = &tls.Config{Certificates: []tls.Certificate{s.cert}}
	}
	go func() {
		defer close(s.ended)
		if f.Proto == Plain {
			s.srv.Serve(listener{l, s})
		} else {
			s.srv.ServeTLS(listener{l, s}, "", "")
		}
	}()
	return s, nil
}

// listener counts the connections that it accepts.
type listener struct {
	net.Listener
	server *Server
}

func (l listener) Accept() (net.Conn, error) {
	nc, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	s := l.server
	s.mu.Lock()
	defer s.mu.Unlock()
	s.accepted++
	c := &conn{TCPConn: nc.(*net.TCPConn), server: s, number: uint64(s.accepted)}
	s.open[c] = struct{}{}
	return c, nil
}

func (s *Server) forget(c *conn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.open, c)
}

// Transport returns a new transport that trusts the server. It keeps up to idle
// connections, so that chance does not decide which are closed.
func (s *Server) Transport(idle int) *http.Transport {
	t := TransportTo(idle, s)
	t.ForceAttemptHTTP2 = s.fault.Proto == HTTP2
	return t
}

// TransportTo returns a new transport that trusts all of the servers, and speaks HTTP/2
// with the ones that do.
func TransportTo(idle int, servers ...*Server) *http.Transport {
	t := &http.Transport{MaxIdleConnsPerHost: idle, ForceAttemptHTTP2: true}
	for _, s := range servers {
		switch {
		case s.cert.Leaf == nil:
		case t.TLSClientConfig == nil:
			t.TLSClientConfig = testserver.Trusts(s.cert)
		default:
			t.TLSClientConfig.RootCAs.AddCert(s.cert.Leaf)
		}
	}
	return t
}

// Accepted is how many connections the server has accepted.
func (s *Server) Accepted() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.accepted
}

// Open is how many connections the server has open.
func (s *Server) Open() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.open)
}

// Twice is how many requests of an operation were handled more than once.
func (s *Server) Twice(op string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.twice[op]
}

// Wrong lists request bodies that had bytes of another one, or too few.
func (s *Server) Wrong() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]string(nil), s.wrong...)
}

// Close ends the server and all connections that it has accepted. Handlers end soon after.
func (s *Server) Close() {
	close(s.done)
	s.srv.Close()
	<-s.ended
	s.mu.Lock()
	var open []*conn
	for c := range s.open {
		open = append(open, c)
	}
	s.mu.Unlock()
	for _, c := range open {
		c.Close()
	}
}
