package clientgo

import (
	"net/http"
	"testing"

	"k8s.io/client-go/rest"

	"github.com/warmconn/warmconn"
)

func TestConfigTransportRefusesTLSSettings(t *testing.T) {
	kit := warmconn.New(warmconn.Options{})
	cfg := &rest.Config{Host: "https://localhost", Transport: kit.Wrap(new(http.Transport))}
	cfg.Insecure = true
	if _, err := rest.HTTPClientFor(cfg); err == nil {
		t.Error("no error")
	}
}

func TestTheLastWrapIsTheOutermost(t *testing.T) {
	var order []string
	layer := func(name string) func(http.RoundTripper) http.RoundTripper {
		return func(http.RoundTripper) http.RoundTripper {
			return roundTripper(func(*http.Request) (*http.Response, error) {
				order = append(order, name)
				return nil, http.ErrServerClosed
			})
		}
	}
	cfg := &rest.Config{Host: "http://localhost"}
	cfg.Wrap(layer("first"))
	cfg.Wrap(layer("last"))
	client, err := rest.HTTPClientFor(cfg)
	if err != nil {
		t.Fatal(err)
	}
	client.Get("http://localhost")
	if len(order) != 1 || order[0] != "last" {
		t.Errorf("a request came to %v first", order)
	}
}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(req *http.Request) (*http.Response, error) { return f(req) }
