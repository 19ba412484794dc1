package consul

import (
	"net/http"
	"path/filepath"
	"testing"

	"github.com/hashicorp/consul/api"

	"github.com/warmconn/warmconn"
)

func TestAUnixAddressReplacesTheKit(t *testing.T) {
	kit, cfg := warmconn.New(warmconn.Options{}), api.DefaultConfig()
	defer kit.Shutdown(t.Context())
	cfg.HttpClient = &http.Client{Transport: kit.Wrap(new(http.Transport))}
	cfg.Address = "unix://" + filepath.Join(t.TempDir(), "nowhere")
	client, err := api.NewClient(cfg)
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := client.KV().Get("k", nil); err == nil {
		t.Error("no error, though there is no socket")
	}
	if n := kit.Stats().Requests; n != 0 {
		t.Errorf("the kit had %d requests: the SDK keeps the client now", n)
	}
}
