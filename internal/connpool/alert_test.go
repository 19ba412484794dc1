package connpool

import (
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
)

// lastRead keeps what the last Read brought.
type lastRead struct {
	net.Conn
	p []byte
}

func (c *lastRead) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	if n > 0 {
		c.p = append(c.p[:0], p[:n]...)
	}
	return n, err
}

func TestEndOfATLSConnectionIsToldFromData(t *testing.T) {
	srv := httptest.NewTLSServer(http.NotFoundHandler())
	srv.Close()
	suites := map[uint16][]uint16{tls.VersionTLS13: {0}, tls.VersionTLS12: {
		tls.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256, tls.TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
		tls.TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256, tls.TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA,
		tls.TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA256, tls.TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA,
		tls.TLS_ECDHE_RSA_WITH_3DES_EDE_CBC_SHA,
	}}
	for version, suites := range suites {
		for _, suite := range suites {
			t.Run(fmt.Sprintf("%s/%s", tls.VersionName(version), tls.CipherSuiteName(suite)), func(t *testing.T) {
				server := &tls.Config{Certificates: srv.TLS.Certificates, MinVersion: version, MaxVersion: version}
				if suite != 0 {
					server.CipherSuites = []uint16{suite}
				}
				client := server.Clone()
				client.InsecureSkipVerify = true
				a, b := net.Pipe()
				raw := &lastRead{Conn: a}
				c, s := tls.Client(raw, client), tls.Server(b, server)
				var serving sync.WaitGroup
				serving.Go(func() {
					for n := range 100 {
						s.Write(make([]byte, n+1))
					}
					s.Close()
				})
				defer serving.Wait()
				defer a.Close()
				for n := range 100 {
					if _, err := io.ReadFull(c, make([]byte, n+1)); err != nil {
						t.Fatal(err)
					}
					// Only two or three bytes in a record of their own look so.
					if n+1 > 3 && endsInAlert(raw.p) {
						t.Errorf("%d bytes of data look like an alert", n+1)
					}
				}
				if n, err := c.Read(make([]byte, 1)); n != 0 || err != io.EOF {
					t.Fatalf("read %d, %v; want EOF", n, err)
				}
				if !endsInAlert(raw.p) {
					t.Errorf("the end was not told: % x", raw.p)
				}
				if !endsInAlert(append(make([]byte, 100), raw.p...)) {
					t.Error("the end was not told behind data")
				}
			})
		}
	}
}

// TestAnAlertIsToldHoweverItsReadsAreSplit: package tls reads into a buffer that may end
// within a record.
func TestAnAlertIsToldHoweverItsReadsAreSplit(t *testing.T) {
	record := func(typ byte, n int) []byte {
		b := make([]byte, recordHeader+n)
		b[0], b[1], b[2], b[4] = typ, 3, 3, byte(n)
		return b
	}
	alerts := [][]byte{record(typeApplicationData, alert13)}
	for _, n := range alert12 {
		alerts = append(alerts, record(typeAlert, n))
	}
	for _, alert := range alerts {
		for _, before := range []int{0, 1, 30, 200} {
			all := append(record(typeApplicationData, before), alert...)
			for step := 1; step <= len(all); step++ {
				var last tail
				told := false
				for rest := all; len(rest) > 0; {
					n := min(step, len(rest))
					told = endsInAlert(last.with(rest[:n]))
					rest = rest[n:]
				}
				if !told {
					t.Errorf("an alert of %d bytes behind %d in reads of %d: not told", len(alert), before, step)
				}
				if endsInAlert(last.with([]byte{1})) {
					t.Errorf("an alert of %d bytes behind %d in reads of %d: told a byte behind it", len(alert), before, step)
				}
			}
		}
	}
}
