package elastic

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/elastic/go-elasticsearch/v8"

	"github.com/warmconn/warmconn"
	"github.com/warmconn/warmconn/roundtripper"
)

func TestCACertBesideTheKitIsAnError(t *testing.T) {
	kit := warmconn.New(warmconn.Options{})
	cfg := elasticsearch.Config{Transport: kit.Wrap(new(http.Transport)), CACert: []byte("a certificate")}
	if _, err := elasticsearch.NewClient(cfg); err == nil {
		t.Error("no error")
	}
}

func TestAFingerprintIsDroppedBesideAnyWrapperAndHeededByAFacade(t *testing.T) {
	srv := httptest.NewTLSServer(http.HandlerFunc(answer))
	defer srv.Close()
	kit := warmconn.New(warmconn.Options{})
	defer kit.Shutdown(t.Context())
	base := srv.Client().Transport.(*http.Transport)
	cfg := elasticsearch.Config{
		Addresses: []string{srv.URL}, Transport: kit.Wrap(base), CertificateFingerprint: strings.Repeat("00", 32),
	}
	client, err := elasticsearch.NewClient(cfg)
	if err != nil {
		t.Fatal(err)
	}
	res, err := client.Get("index", "id")
	if err != nil {
		t.Fatalf("the SDK heeds it now: %v", err)
	}
	res.Body.Close()

	cfg.Transport = roundtripper.FacadeOf(base, kit.Middleware)
	if client, err = elasticsearch.NewClient(cfg); err != nil {
		t.Fatal(err)
	}
	if res, err := client.Get("index", "id"); err == nil {
		res.Body.Close()
		t.Error("a façade takes a certificate of another fingerprint")
	}
}
