package xnettest

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"io"
	"net/http"
	"net/http/httptest"
	"sync"
	"sync/atomic"
	"testing"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"
)

// server answers each request over HTTP/2 with a 200 that says nothing, and tells of
// the frames that a client sends by itself.
type server struct {
	url string
	tls *tls.Config // a client's

	settings chan string   // one of each connection, in the order of their opening
	pings    chan struct{} // one is sent and forgotten if no request waits
	closed   chan struct{} // one for each connection
	noAck    atomic.Bool   // pings are not answered

	mu     sync.Mutex
	opened int
}

func serve(t *testing.T) *server {
	pki := httptest.NewUnstartedServer(nil) // for its certificate
	pki.EnableHTTP2 = true
	pki.StartTLS()
	roots := x509.NewCertPool()
	roots.AddCert(pki.Certificate())
	certs := pki.TLS.Certificates
	pki.Close()

	l, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{Certificates: certs, NextProtos: []string{"h2", "http/1.1"}})
	if err != nil {
		t.Fatal(err)
	}
	s := &server{
		url: "https://" + l.Addr().String(), tls: &tls.Config{RootCAs: roots},
		settings: make(chan string, 100), pings: make(chan struct{}, 100), closed: make(chan struct{}, 100),
	}
	var conns sync.WaitGroup
	conns.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			s.mu.Lock()
			s.opened++
			s.mu.Unlock()
			conns.Go(func() {
				stop := make(chan struct{})
				defer close(stop)
				conns.Go(func() {
					select {
					case <-t.Context().Done():
						c.Close()
					case <-stop:
					}
				})
				s.conn(c.(*tls.Conn))
				s.closed <- struct{}{}
			})
		}
	})
	t.Cleanup(func() {
		l.Close()
		conns.Wait()
	})
	return s
}

func (s *server) conn(c *tls.Conn) {
	defer c.Close()
	preface := make([]byte, len(http2.ClientPreface))
	if _, err := io.ReadFull(c, preface); err != nil || string(preface) != http2.ClientPreface {
		return
	}
	fr := http2.NewFramer(c, c)
	fr.SetMaxReadFrameSize(1 << 20)
	if fr.WriteSettings() != nil {
		return
	}
	var ok bytes.Buffer
	hpack.NewEncoder(&ok).WriteField(hpack.HeaderField{Name: ":status", Value: "200"})
	for {
		f, err := fr.ReadFrame()
		if err != nil {
			return
		}
		switch f := f.(type) {
		case *http2.SettingsFrame:
			if f.IsAck() {
				continue
			}
			told := ""
			f.ForeachSetting(func(one http2.Setting) error {
				told += one.String() + " "
				return nil
			})
			s.settings <- told
			err = fr.WriteSettingsAck()
		case *http2.PingFrame:
			if f.IsAck() {
				continue
			}
			select {
			case s.pings <- struct{}{}:
			default:
			}
			if !s.noAck.Load() {
				err = fr.WritePing(true, f.Data)
			}
		case *http2.HeadersFrame:
			err = fr.WriteHeaders(http2.HeadersFrameParam{StreamID: f.StreamID, BlockFragment: ok.Bytes(), EndStream: true, EndHeaders: true})
		}
		if err != nil {
			return
		}
	}
}

func (s *server) connections() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.opened
}

// get sends one request by rt, and fails the test if it is not answered over HTTP/2.
func (s *server) get(t *testing.T, rt http.RoundTripper) {
	t.Helper()
	resp, err := (&http.Client{Transport: rt}).Get(s.url)
	if err != nil {
		t.Error(err)
		return
	}
	resp.Body.Close()
	if resp.StatusCode != 200 || resp.ProtoMajor != 2 {
		t.Errorf("%s over %s, want 200 over HTTP/2", resp.Status, resp.Proto)
	}
}
