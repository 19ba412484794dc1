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
	"log"
	"math/big"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"time"

	"github.com/warmconn/warmconn/pool"
	"github.com/warmconn/warmconn/roundtripper"
)

// A client certificate is shown in the handshake, so existing connections keep the old one.
// Have the configuration ask for the certificate, and close the idle connections when there is
// a new one. The transport's own CloseIdleConnections does nothing: the connections are the
// Pool's.
func ExamplePool_CloseIdleConnections() {
	srv := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintln(w, "hello,", r.TLS.PeerCertificates[0].Subject.CommonName)
	}))
	srv.TLS = &tls.Config{ClientAuth: tls.RequireAnyClientCert}
	srv.StartTLS()
	defer srv.Close()
	base := srv.Client().Transport.(*http.Transport)

	var current atomic.Pointer[tls.Certificate]
	current.Store(certificate("old"))
	base.TLSClientConfig.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
		return current.Load(), nil
	}
	p := pool.New(pool.Options{})
	defer p.Close()
	client := roundtripper.Client(&http.Client{Transport: base}, p.Middleware)
	get := func() {
		resp, err := client.Get(srv.URL)
		if err != nil {
			log.Fatal(err)
		}
		defer resp.Body.Close()
		body, _ := io.ReadAll(resp.Body)
		fmt.Print(string(body))
	}

	get()
	current.Store(certificate("new"))
	get() // on the existing connection
	p.CloseIdleConnections()
	get()
	// Output:
	// hello, old
	// hello, old
	// hello, new
}

func certificate(name string) *tls.Certificate {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		log.Fatal(err)
	}
	of := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name}, NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, of, of, key.Public(), key)
	if err != nil {
		log.Fatal(err)
	}
	return &tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}
