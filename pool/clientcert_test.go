package pool_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"fmt"
	"io"
	"math/big"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/warmconn/warmconn/internal/eventually"
	"github.com/warmconn/warmconn/pool"
)

// clientCert makes a certificate for a client of that name.
func clientCert(t *testing.T, name string) tls.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name}}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}

// Two transports below one Pool, each with a client certificate of its own, to one server:
// no request goes out under the other's name.
func TestClientsWithOtherCertificatesShareNoConnection(t *testing.T) {
	for _, http2 := range []bool{false, true} {
		srv := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			io.WriteString(w, r.TLS.PeerCertificates[0].Subject.CommonName)
		}))
		srv.EnableHTTP2 = http2
		srv.TLS = &tls.Config{ClientAuth: tls.RequireAnyClientCert}
		srv.StartTLS()
		defer srv.Close()
		// One Pool has sessions of its own, which must not be mixed up either.
		for _, o := range []pool.Options{{}, {TLSSessions: 8}} {
			p := pool.New(o)
			defer p.Close()
			var clients [2]*http.Client
			for i := range clients {
				base := srv.Client().Transport.(*http.Transport).Clone()
				defer base.CloseIdleConnections()
				base.TLSClientConfig.Certificates = []tls.Certificate{clientCert(t, fmt.Sprint("client", i))}
				clients[i] = &http.Client{Transport: p.Middleware(base)}
				defer clients[i].CloseIdleConnections()
			}
			for n := range 6 {
				if n == 4 { // the next connections may resume a session
					eventually.True(t, "the first connections to close", func() bool {
						p.CloseIdleConnections() // passes over a stream that is not quite at its end
						return p.Stats().Open == 0
					})
				}
				i := n % 2
				if got, want := text(t, clients[i], srv.URL), fmt.Sprint("client", i); got != want {
					t.Errorf("http2=%v, %d sessions: the server took %s's request for %q", http2, o.TLSSessions, want, got)
				}
			}
			if n := p.Stats().Opened; n != 4 {
				t.Errorf("http2=%v, %d sessions: %d connections, want 2 of each client", http2, o.TLSSessions, n)
			}
		}
	}
}
