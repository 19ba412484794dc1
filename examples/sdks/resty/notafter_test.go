package resty

import (
	"crypto/tls"
	"net/http"
	"testing"

	"github.com/go-resty/resty/v2"

	"github.com/warmconn/warmconn"
)

// counting is a logger that counts errors.
type counting struct {
	silent
	errors int
}

func (c *counting) Errorf(string, ...any) { c.errors++ }

func TestTLSSettersAfterTheKitOnlyLogAnError(t *testing.T) {
	kit := warmconn.New(warmconn.Options{})
	for name, set := range map[string]func(*resty.Client){
		"SetTLSClientConfig":           func(c *resty.Client) { c.SetTLSClientConfig(new(tls.Config)) },
		"SetRootCertificateFromString": func(c *resty.Client) { c.SetRootCertificateFromString("a certificate") },
		"SetCertificates":              func(c *resty.Client) { c.SetCertificates(tls.Certificate{}) },
		"SetProxy":                     func(c *resty.Client) { c.SetProxy("http://localhost") },
	} {
		log := new(counting)
		client := resty.NewWithClient(kit.Client(&http.Client{Transport: new(http.Transport)}))
		set(client.SetLogger(log))
		if log.errors == 0 {
			t.Errorf("%s logs no error", name)
		}
	}
}
