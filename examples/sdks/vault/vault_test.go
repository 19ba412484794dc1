// Package vault has HashiCorp Vault's client with the kit.
package vault

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/vault/api"

	"github.com/warmconn/warmconn/examples/sdks/internal/sdktest"
	"github.com/warmconn/warmconn/roundtripper"
)

// TestVault is a row of docs/sdks.md:
//
//	sdk: vault api
//	module: github.com/hashicorp/vault/api
//	first: `cfg.ConfigureTLS`, proxy, time-outs; then the line, then `api.NewClient`
//	not after: `ConfigureTLS`, an address `unix://…`: errors; `SetMaxIdleConnections`, `SetDisableKeepAlives`, their getters, a call under `SetOutputCurlString`: they insist
//	 on an *http.Transport, and panic
//	reuse: 90 / 90
func TestVault(t *testing.T) {
	sdktest.Run(t, sdktest.SDK{Answer: answer, Refuse: refuse, Client: func(t testing.TB, e *sdktest.Env) sdktest.Ops {
		kit, cfg := e.Kit, api.DefaultConfig()
		cfg.Address = e.URL
		cfg.MinRetryWait, cfg.MaxRetryWait = time.Millisecond, 2*time.Millisecond
		if e.TLS {
			if err := cfg.ConfigureTLS(&api.TLSConfig{CACertBytes: e.CA}); err != nil {
				t.Fatal(err)
			}
		}
		//docs:line
		cfg.HttpClient = kit.Client(cfg.HttpClient)
		//docs:end
		return calls(t, cfg)
	}})
}

// TestVaultThroughAFacade is a row of docs/sdks.md:
//
//	sdk: vault api, set up after the kit
//	module: github.com/hashicorp/vault/api
//	first: nothing need be: what is set on the façade, by `ConfigureTLS` as here, is taken over into its base
//	not after: nothing of Vault's is lost: what is an error or a panic over `kit.Client` works here
//	reuse: 90 / 90
func TestVaultThroughAFacade(t *testing.T) {
	sdktest.Run(t, sdktest.SDK{Answer: answer, Refuse: refuse, Client: func(t testing.TB, e *sdktest.Env) sdktest.Ops {
		kit, cfg := e.Kit, api.DefaultConfig()
		//docs:line
		base := cfg.HttpClient.Transport.(*http.Transport)
		cfg.HttpClient.Transport = roundtripper.FacadeOf(base, kit.Middleware)
		//docs:end
		cfg.Address = e.URL
		cfg.MinRetryWait, cfg.MaxRetryWait = time.Millisecond, 2*time.Millisecond
		if e.TLS {
			if err := cfg.ConfigureTLS(&api.TLSConfig{CACertBytes: e.CA}); err != nil {
				t.Fatal(err)
			}
		}
		return calls(t, cfg)
	}})
}

func calls(t testing.TB, cfg *api.Config) sdktest.Ops {
	client, err := api.NewClient(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return sdktest.Ops{
		Get: func(ctx context.Context, name string) (string, error) {
			secret, err := client.Logical().ReadWithContext(ctx, "secret/"+name)
			if err != nil || secret == nil {
				return "none", err
			}
			return fmt.Sprint(secret.Data["text"]), nil
		},
		Open: func(ctx context.Context, name string) (io.ReadCloser, error) {
			resp, err := client.Logical().ReadRawWithContext(ctx, "raw/"+name)
			if err != nil {
				if resp != nil {
					resp.Body.Close()
				}
				return nil, err
			}
			return resp.Body, nil
		},
		Put: func(ctx context.Context, name string, content []byte) error {
			secret := map[string]any{"content": string(content)}
			_, err := client.Logical().WriteWithContext(ctx, "secret/"+name, secret)
			return err
		},
		Close: cfg.HttpClient.CloseIdleConnections,
	}
}

func answer(w http.ResponseWriter, r *http.Request) {
	if strings.HasPrefix(r.URL.Path, "/v1/raw/") {
		io.WriteString(w, strings.Repeat("r", 256<<10))
		return
	}
	json.NewEncoder(w).Encode(map[string]any{"data": map[string]any{"text": strings.Repeat("t", 500)}})
}

func refuse(w http.ResponseWriter, _ *http.Request, status int) {
	w.WriteHeader(status)
	fmt.Fprintf(w, `{"errors":[%q]}`, http.StatusText(status))
}
