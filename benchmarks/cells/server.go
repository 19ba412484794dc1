package main

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync/atomic"
)

// payload is what bodies are made of.
var payload = bytes.Repeat([]byte("x"), 64<<10)

// server is one protocol's, for all stacks. It counts its connections.
type server struct {
	*httptest.Server
	protocol protocol
	opened   atomic.Int64
}

func serve(p protocol) *server {
	s := &server{protocol: p}
	s.Server = httptest.NewUnstartedServer(http.HandlerFunc(answer))
	s.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		if state == http.StateNew {
			s.opened.Add(1)
		}
	}
	// Bare net/http closes dials that it has no use for amid their handshake.
	s.Config.ErrorLog = log.New(io.Discard, "", 0)
	s.EnableHTTP2 = p.major == 2
	if p.tls {
		s.StartTLS()
	} else {
		s.Start()
	}
	return s
}

// answer reads the request's body and sends as many bytes as the path says.
func answer(w http.ResponseWriter, r *http.Request) {
	if _, err := io.Copy(io.Discard, r.Body); err != nil {
		return
	}
	n, err := strconv.Atoi(strings.TrimPrefix(r.URL.Path, "/"))
	if err != nil || n > len(payload) {
		http.Error(w, "no such length", http.StatusNotFound)
		return
	}
	w.Header().Set("Content-Type", "text/plain")
	w.Header().Set("Content-Length", strconv.Itoa(n))
	w.Write(payload[:n])
}

// transport is a new one to the server, with room for as many idle connections as
// there are workers: net/http keeps two otherwise.
func (s *server) transport(workers int) *http.Transport {
	t := &http.Transport{MaxIdleConnsPerHost: workers, ForceAttemptHTTP2: s.protocol.major == 2}
	if s.protocol.tls {
		roots := x509.NewCertPool()
		roots.AddCert(s.Certificate())
		t.TLSClientConfig = &tls.Config{RootCAs: roots}
	}
	return t
}
