// Package elastic has Elasticsearch's client with the kit.
package elastic

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/elastic/go-elasticsearch/v8"
	"github.com/elastic/go-elasticsearch/v8/esapi"

	"github.com/warmconn/warmconn/examples/sdks/internal/sdktest"
)

// TestElastic is a row of docs/sdks.md:
//
//	sdk: go-elasticsearch
//	module: github.com/elastic/go-elasticsearch/v8
//	first: the CA, on `base`
//	not after: `CACert` is an error beside a Transport that is no *http.Transport, and `CertificateFingerprint` is dropped without a word, beside any wrapper; with `cfg.Transport = roundtripper.FacadeOf(base, kit.Middleware)` the fingerprint is heeded. Every response's body must be closed
//	reuse: 91 / 91
func TestElastic(t *testing.T) {
	sdktest.Run(t, sdktest.SDK{Answer: answer, Refuse: refuse, Client: func(t testing.TB, e *sdktest.Env) sdktest.Ops {
		kit, base := e.Kit, e.Base
		cfg := elasticsearch.Config{Addresses: []string{e.URL}, RetryBackoff: func(int) time.Duration { return time.Millisecond }}
		//docs:line
		cfg.Transport = kit.Wrap(base)
		//docs:end
		client, err := elasticsearch.NewClient(cfg)
		if err != nil {
			t.Fatal(err)
		}
		get := func(ctx context.Context, name string) (*esapi.Response, error) {
			res, err := client.Get("index", name, client.Get.WithContext(ctx))
			if err == nil && res.IsError() {
				defer res.Body.Close()
				return nil, fmt.Errorf("%s", res)
			}
			return res, err
		}
		return sdktest.Ops{
			Get: func(ctx context.Context, name string) (string, error) {
				res, err := client.GetSource("index", name, client.GetSource.WithContext(ctx))
				if err != nil {
					return "", err
				}
				defer res.Body.Close()
				if res.IsError() {
					return "", fmt.Errorf("%s", res)
				}
				source, err := io.ReadAll(res.Body)
				return string(source), err
			},
			Open: func(ctx context.Context, name string) (io.ReadCloser, error) {
				res, err := get(ctx, name)
				if err != nil {
					return nil, err
				}
				return res.Body, nil
			},
			Put: func(ctx context.Context, name string, content []byte) error {
				res, err := client.Index("index", bytes.NewReader(content), client.Index.WithDocumentID(name), client.Index.WithContext(ctx))
				if err != nil {
					return err
				}
				defer res.Body.Close()
				if res.IsError() {
					return fmt.Errorf("%s", res)
				}
				return nil
			},
		}
	}})
}

func answer(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("X-Elastic-Product", "Elasticsearch")
	w.Header().Set("Content-Type", "application/json")
	if strings.Contains(r.URL.Path, "/_source/") || r.Method != http.MethodGet {
		io.WriteString(w, strings.Repeat(`{"text":"t"}`, 50))
		return
	}
	io.WriteString(w, strings.Repeat("d", 256<<10))
}

func refuse(w http.ResponseWriter, _ *http.Request, status int) {
	w.Header().Set("X-Elastic-Product", "Elasticsearch")
	w.WriteHeader(status)
	fmt.Fprintf(w, `{"error":%q}`, http.StatusText(status))
}
