// Package gcs has Google Cloud storage's client with the kit.
package gcs

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"cloud.google.com/go/storage"
	"github.com/googleapis/gax-go/v2"
	"golang.org/x/oauth2"
	"google.golang.org/api/option"
	htransport "google.golang.org/api/transport/http"

	"github.com/warmconn/warmconn/examples/sdks/internal/sdktest"
)

// TestStorage is a row of docs/sdks.md:
//
//	sdk: google cloud storage
//	module: cloud.google.com/go/storage
//	first: proxy and TLS, on `base`; the credentials are options of `htransport.NewTransport`, as of every client of Google's
//	not after: credentials beside `option.WithHTTPClient`: it is taken as it is, without a word. Without credentials, `kit.Client(c)` in it is enough
//	reuse: 95 / 95
func TestStorage(t *testing.T) {
	sdktest.Run(t, sdktest.SDK{Answer: answer, Refuse: refuse, Client: func(t testing.TB, e *sdktest.Env) sdktest.Ops {
		kit, base, ctx := e.Kit, e.Base, context.Background()
		credentials := option.WithTokenSource(oauth2.StaticTokenSource(&oauth2.Token{AccessToken: "token"}))
		//docs:line
		rt, err := htransport.NewTransport(ctx, kit.Wrap(base), credentials)
		//docs:end
		if err != nil {
			t.Fatal(err)
		}
		client, err := storage.NewClient(ctx, option.WithHTTPClient(&http.Client{Transport: rt}), option.WithEndpoint(e.URL+"/storage/v1/"))
		if err != nil {
			t.Fatal(err)
		}
		client.SetRetry(storage.WithMaxAttempts(3), storage.WithBackoff(gax.Backoff{Initial: time.Millisecond, Max: time.Millisecond}))
		bucket := client.Bucket("bucket")
		return sdktest.Ops{
			Get: func(ctx context.Context, name string) (string, error) {
				attrs, err := bucket.Object(name).Attrs(ctx)
				if err != nil {
					return "", err
				}
				return attrs.ContentType, nil
			},
			Open: func(ctx context.Context, name string) (io.ReadCloser, error) {
				return bucket.Object(name).NewReader(ctx)
			},
			Put: func(ctx context.Context, name string, content []byte) error {
				w := bucket.Object(name).NewWriter(ctx)
				w.ChunkSize = 0
				w.Write(content)
				return w.Close()
			},
			Close: func() { client.Close() },
		}
	}})
}

func answer(w http.ResponseWriter, r *http.Request) {
	if r.Header.Get("Authorization") != "Bearer token" {
		http.Error(w, "no token", http.StatusUnauthorized)
		return
	}
	switch {
	case strings.Contains(r.URL.Path, "/storage/v1/"):
		w.Header().Set("Content-Type", "application/json")
		fmt.Fprintf(w, `{"name":"n","bucket":"bucket","contentType":%q}`, strings.Repeat("t", 500))
	default:
		w.Header().Set("Content-Length", fmt.Sprint(256<<10))
		io.WriteString(w, strings.Repeat("o", 256<<10))
	}
}

func refuse(w http.ResponseWriter, _ *http.Request, status int) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	fmt.Fprintf(w, `{"error":{"code":%d,"message":%q}}`, status, http.StatusText(status))
}
