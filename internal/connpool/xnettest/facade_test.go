package xnettest

//lint:file-ignore SA1019 what SDKs call, deprecated or not, is what is tested

import (
	"net/http"
	"strings"
	"testing"

	"golang.org/x/net/http2"

	"github.com/warmconn/warmconn/pool"
	"github.com/warmconn/warmconn/roundtripper"
)

// TestFacadeOfTakesOverWhatIsSetBesideXNet: Vault's own transport has x/net's HTTP/2,
// and its ConfigureTLS writes to it.
func TestFacadeOfTakesOverWhatIsSetBesideXNet(t *testing.T) {
	for _, set := range []bool{false, true} {
		s := serve(t)
		base := sdks["vault"](t, s.tls)
		p := pool.New(pool.Options{})
		facade := roundtripper.FacadeOf(base, p.Middleware)
		if set {
			facade.TLSClientConfig.InsecureSkipVerify = true
			facade.TLSClientConfig.ServerName = "example.com"
		}
		resp, err := (&http.Client{Transport: facade}).Get(s.url)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if resp.ProtoMajor != 2 || p.Stats().Opened != 1 {
			t.Errorf("set=%v: HTTP/%d, %d connections of pool's, want HTTP/2 over one", set, resp.ProtoMajor, p.Stats().Opened)
		}
		if err := p.Close(); err != nil {
			t.Error(err)
		}
	}
}

// TestAFacadeTellsThatXNetWasConfiguredOnIt: by ConfigureTransport itself or by the first
// request. What it was told would have no effect.
func TestAFacadeTellsThatXNetWasConfiguredOnIt(t *testing.T) {
	s := serve(t)
	base := &http.Transport{TLSClientConfig: s.tls}
	for name, facade := range map[string]*http.Transport{"Facade": roundtripper.Facade(base), "FacadeOf": roundtripper.FacadeOf(base)} {
		_, err := http2.ConfigureTransports(facade)
		if err == nil {
			_, err = (&http.Client{Transport: facade}).Get(s.url)
		}
		if err == nil || !strings.Contains(err.Error(), "already registered") && !strings.Contains(err.Error(), "was set on a Facade") {
			t.Errorf("%s: %v", name, err)
		}
	}
}
