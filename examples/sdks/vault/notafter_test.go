package vault

import (
	"testing"

	"github.com/hashicorp/vault/api"

	"github.com/warmconn/warmconn"
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

func TestMethodsThatInsistPanicAfterTheKit(t *testing.T) {
	for name, call := range map[string]func(*api.Config, *api.Client){
		"SetMaxIdleConnections": func(_ *api.Config, c *api.Client) { c.SetMaxIdleConnections(5) },
		"MaxIdleConnections":    func(_ *api.Config, c *api.Client) { c.MaxIdleConnections() },
		"SetDisableKeepAlives":  func(_ *api.Config, c *api.Client) { c.SetDisableKeepAlives(true) },
		"DisableKeepAlives":     func(_ *api.Config, c *api.Client) { c.DisableKeepAlives() },
		"SetOutputCurlString": func(_ *api.Config, c *api.Client) {
			c.SetOutputCurlString(true)
			_, err := c.Logical().Read("secret/x")
			err.(*api.OutputStringError).CurlString()
		},
	} {
		cfg := wrapped()
		client, err := api.NewClient(cfg)
		if err != nil {
			t.Fatal(err)
		}
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%s does not panic", name)
				}
			}()
			call(cfg, client)
		}()
	}
}
