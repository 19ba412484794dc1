// Package consul has Consul's client with the kit.
package consul

import (
	"context"
	"encoding/base64"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/hashicorp/consul/api"

	"github.com/warmconn/warmconn/examples/sdks/internal/sdktest"
)

// TestConsul is a row of docs/sdks.md:
//
//	sdk: consul api
//	module: github.com/hashicorp/consul/api
//	first: TLS, on `base`: beside an HttpClient, `Config.TLSConfig` is not looked at
//	not after: an address `unix://…`, which replaces the HttpClient, the kit with it, without a word
//	reuse: 93 / 94
func TestConsul(t *testing.T) {
	sdktest.Run(t, sdktest.SDK{Answer: answer, Client: func(t testing.TB, e *sdktest.Env) sdktest.Ops {
		kit, base, cfg := e.Kit, e.Base, api.DefaultConfig()
		cfg.Address = e.URL
		//docs:line
		cfg.HttpClient = &http.Client{Transport: kit.Wrap(base)}
		//docs:end
		client, err := api.NewClient(cfg)
		if err != nil {
			t.Fatal(err)
		}
		return sdktest.Ops{
			Get: func(ctx context.Context, name string) (string, error) {
				pair, _, err := client.KV().Get(name, new(api.QueryOptions).WithContext(ctx))
				if err != nil || pair == nil {
					return "none", err
				}
				return string(pair.Value), nil
			},
			Open: func(ctx context.Context, name string) (io.ReadCloser, error) {
				snapshot, _, err := client.Snapshot().Save((&api.QueryOptions{Datacenter: name}).WithContext(ctx))
				return snapshot, err
			},
			Put: func(ctx context.Context, name string, content []byte) error {
				_, err := client.KV().Put(&api.KVPair{Key: name, Value: content}, new(api.WriteOptions).WithContext(ctx))
				return err
			},
		}
	}})
}

func answer(w http.ResponseWriter, r *http.Request) {
	switch {
	case r.Method == http.MethodPut:
		io.WriteString(w, "true")
	case strings.HasPrefix(r.URL.Path, "/v1/kv/"):
		fmt.Fprintf(w, `[{"Key":"k","Value":%q}]`, base64.StdEncoding.EncodeToString([]byte(strings.Repeat("v", 500))))
	default:
		io.WriteString(w, strings.Repeat("s", 256<<10))
	}
}
