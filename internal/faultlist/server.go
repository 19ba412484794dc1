package faultlist

import (
	"bufio"
	"crypto/tls"
	"net"
	"net/http"
	"sync"

	"github.com/warmconn/warmconn/internal/testserver"
)

// cert is that of all servers.
var cert = sync.OnceValue(testserver.NewCert)

// server plays one fault, on loopback.
type server struct {
	fault *Fault
	l     net.Listener
	all   sync.WaitGroup
	ends  []func() // what the fault has started besides

	mu     sync.Mutex
	conns  map[*wire]bool // accepted and not yet closed by both; true: its script acts
	number int            // of connections so far
	met    int            // how often the fault was met
	closed bool
}

// wire is a connection as it was accepted.
type wire struct {
	*net.TCPConn
	s *server
}

func start(f *Fault) (*server, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	s := &server{fault: f, l: l, conns: make(map[*wire]bool)}
	s.all.Go(s.accept)
	return s, nil
}

func (s *server) accept() {
	for {
		nc, err := s.l.Accept()
		if err != nil {
			return
		}
		w := &wire{nc.(*net.TCPConn), s}
		s.mu.Lock()
		s.number++
		n := s.number
		s.conns[w] = true
		if s.closed {
			w.Close() // accepted as the server ended
		}
		s.mu.Unlock()
		s.all.Go(func() {
			defer func() {
				w.Close()
				s.mu.Lock()
				defer s.mu.Unlock()
				delete(s.conns, w)
			}()
			s.serve(w, n)
		})
	}
}

// serve plays the fault's part on one connection.
func (s *server) serve(w *wire, n int) {
	c := &Conn{Conn: w, wire: w, N: n}
	c.r = bufio.NewReader(acting{w})
	if f := s.fault.Conn; f != nil && (!s.fault.Once || n == 1) {
		f(c)
		return
	}
	switch s.fault.Proto {
	case TLS:
		c.secure(s.tlsConfig("http/1.1"))
	case HTTP2:
		c.secure(s.tlsConfig("h2"))
		(&Stream{Conn: c}).serve()
		return
	}
	c.serve()
}

func (s *server) tlsConfig(protos ...string) *tls.Config {
	cfg := &tls.Config{Certificates: []tls.Certificate{cert()}, NextProtos: protos}
	if s.fault.ServerTLS != nil {
		s.fault.ServerTLS(cfg)
	}
	return cfg
}

// meets reports whether a request for the fault is to meet it.
func (s *server) meets() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.met++
	return !s.fault.Once || s.met == 1
}

// acts notes whether the connection's script does something, or waits for its client.
func (w *wire) acts(now bool) {
	w.s.mu.Lock()
	defer w.s.mu.Unlock()
	if _, open := w.s.conns[w]; open {
		w.s.conns[w] = now
	}
}

// open is how many connections there are, and how many of them wait for their client.
func (s *server) open() (all, waiting int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, acts := range s.conns {
		all++
		if !acts {
			waiting++
		}
	}
	return all, waiting
}

// transport returns one that reaches the server, and nothing else.
func (s *server) transport() *http.Transport {
	t := &http.Transport{ForceAttemptHTTP2: s.fault.Proto == HTTP2, TLSClientConfig: testserver.Trusts(cert())}
	if s.fault.Base != nil {
		s.fault.Base(t, s)
	}
	return t
}

// url is where the requests go.
func (s *server) url() string {
	switch {
	case s.fault.URL != "":
		return s.fault.URL
	case s.fault.Proto == Plain:
		return "http://" + s.l.Addr().String()
	}
	return "https://" + s.l.Addr().String()
}

// close ends the server, its connections and their scripts.
func (s *server) close() {
	s.l.Close()
	s.mu.Lock()
	s.closed = true
	for w := range s.conns {
		w.Close()
	}
	s.mu.Unlock()
	for _, f := range s.ends {
		f()
	}
	s.all.Wait()
}
