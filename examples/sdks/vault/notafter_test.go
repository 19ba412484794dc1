package vault

import (
	"net/http"
	"testing"

	"github.com/hashicorp/vault/api"

	"github.com/warmconn/warmconn"
	"github.com/warmconn/warmconn/roundtripper"
)

func wrapped() *api.Config {
	cfg := api.DefaultConfig()
	cfg.HttpClient = warmconn.New(warmconn.Options{}).Client(cfg.HttpClient)
	return cfg
}

func TestConfigureTLSAndAUnixAddressAfterTheKitAreErrors(t *testing.T) {
	if err := wrapped().ConfigureTLS(&api.TLSConfig{Insecure: true}); err == nil {
		t.Error("ConfigureTLS: no error")
	}
	if _, err := wrapped().ParseAddress("unix:///nowhere"); err == nil {
		t.Error("an address unix://: no error")
	}
}

var insist = map[string]func(*api.Config, *api.Client){
	"SetMaxIdleConnections": func(_ *api.Config, c *api.Client) { c.SetMaxIdleConnections(5) },
	"MaxIdleConnections":    func(_ *api.Config, c *api.Client) { c.MaxIdleConnections() },
	"SetDisableKeepAlives":  func(_ *api.Config, c *api.Client) { c.SetDisableKeepAlives(true) },
	"DisableKeepAlives":     func(_ *api.Config, c *api.Client) { c.DisableKeepAlives() },
	"SetOutputCurlString": func(_ *api.Config, c *api.Client) {
		c.SetOutputCurlString(true)
		_, err := c.Logical().Read("secret/x")
		err.(*api.OutputStringError).CurlString()
	},
}

// panics reports whether call does.
func panics(t *testing.T, cfg *api.Config, call func(*api.Config, *api.Client)) (yes bool) {
	client, err := api.NewClient(cfg)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { yes = recover() != nil }()
	call(cfg, client)
	return false
}

func TestMethodsThatInsistPanicAfterTheKit(t *testing.T) {
	for name, call := range insist {
		if !panics(t, wrapped(), call) {
			t.Errorf("%s does not panic", name)
		}
	}
}

func TestWhatInsistsWorksOverAFacade(t *testing.T) {
	facade := func() *api.Config {
		kit, cfg := warmconn.New(warmconn.Options{}), api.DefaultConfig()
		cfg.HttpClient.Transport = roundtripper.FacadeOf(cfg.HttpClient.Transport.(*http.Transport), kit.Middleware)
		return cfg
	}
	for name, call := range insist {
		if panics(t, facade(), call) {
			t.Errorf("%s panics", name)
		}
	}
	if err := facade().ConfigureTLS(&api.TLSConfig{Insecure: true}); err != nil {
		t.Errorf("ConfigureTLS: %v", err)
	}
	if _, err := facade().ParseAddress("unix:///nowhere"); err != nil {
		t.Errorf("an address unix://: %v", err)
	}
}
