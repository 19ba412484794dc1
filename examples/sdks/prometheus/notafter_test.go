package prometheus

import (
	"net/http"
	"testing"

	"github.com/prometheus/client_golang/api"

	"github.com/warmconn/warmconn"
)

func TestAClientBesideARoundTripperIsAnError(t *testing.T) {
	kit := warmconn.New(warmconn.Options{})
	cfg := api.Config{Address: "http://localhost", RoundTripper: kit.Wrap(api.DefaultRoundTripper), Client: new(http.Client)}
	if _, err := api.NewClient(cfg); err == nil {
		t.Error("no error")
	}
}
