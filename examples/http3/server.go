package main

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"io"
	"math/big"
	"net"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/quic-go/quic-go"
	"github.com/quic-go/quic-go/http3"
)

// server is an HTTP/3 server on loopback that counts its connections.
type server struct {
	url    string
	conns  atomic.Int64
	asked  chan struct{} // a word for each request to /slow that has come
	roots  *x509.CertPool
	http   *http3.Server
	socket net.PacketConn
	cert   *x509.Certificate
	done   chan struct{}
}

func startServer() (*server, error) { return startServerAt("127.0.0.1:0") }

func startServerAt(addr string) (*server, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * time.Hour),
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return nil, err
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, err
	}
	socket, err := net.ListenPacket("udp", addr)
	if err != nil {
		return nil, err
	}
	s := &server{url: "https://" + socket.LocalAddr().String(), roots: x509.NewCertPool(), socket: socket, cert: cert,
		asked: make(chan struct{}), done: make(chan struct{})}
	s.roots.AddCert(cert)
	s.http = &http3.Server{
		Handler:   http.HandlerFunc(s.answer),
		TLSConfig: http3.ConfigureTLSConfig(&tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}}),
	}
	s.http.ConnContext = func(ctx context.Context, _ *quic.Conn) context.Context {
		s.conns.Add(1)
		return ctx
	}
	go func() {
		defer close(s.done)
		s.http.Serve(socket)
	}()
	return s, nil
}

func (s *server) answer(w http.ResponseWriter, r *http.Request) {
	switch r.URL.Path {
	case "/hang":
		w.WriteHeader(http.StatusOK)
		w.(http.Flusher).Flush()
		<-r.Context().Done()
	case "/slow":
		select {
		case s.asked <- struct{}{}:
			<-r.Context().Done()
		case <-r.Context().Done():
		}
	case "/none":
		w.WriteHeader(http.StatusNoContent)
	default:
		io.Copy(io.Discard, r.Body)
		io.WriteString(w, "hello")
	}
}

// transport is a new one that trusts the server.
func (s *server) transport() *http3.Transport {
	return &http3.Transport{TLSClientConfig: &tls.Config{RootCAs: s.roots}}
}

// Close ends the server and its connections.
func (s *server) Close() {
	s.http.Close()
	s.socket.Close()
	<-s.done
}
