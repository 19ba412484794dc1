// Package minio has MinIO's client with the kit.
package minio

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"

	"github.com/warmconn/warmconn/examples/sdks/internal/sdktest"
)

// TestMinio is a row of docs/sdks.md:
//
//	sdk: minio-go
//	module: github.com/minio/minio-go/v7
//	first: proxy and TLS, on `base`, which may be `minio.DefaultTransport(secure)`
//	not after: nothing is lost. An object that is closed early is cancelled by the SDK: its connection is lost over HTTP/1, whatever drains
//	reuse: 85 / 90
func TestMinio(t *testing.T) {
	minio.DefaultRetryUnit = time.Millisecond
	sdktest.Run(t, sdktest.SDK{Answer: answer, Refuse: refuse, Client: func(t testing.TB, e *sdktest.Env) sdktest.Ops {
		kit, base := e.Kit, e.Base
		options := &minio.Options{Creds: credentials.NewStaticV4("id", "secret", ""), Secure: e.TLS, Region: "us-east-1", MaxRetries: 3}
		//docs:line
		options.Transport = kit.Wrap(base)
		//docs:end
		client, err := minio.New(e.Addr, options)
		if err != nil {
			t.Fatal(err)
		}
		return sdktest.Ops{
			Get: func(ctx context.Context, name string) (string, error) {
				tags, err := client.GetObjectTagging(ctx, "bucket", name, minio.GetObjectTaggingOptions{})
				if err != nil {
					return "", err
				}
				return tags.String(), nil
			},
			Open: func(ctx context.Context, name string) (io.ReadCloser, error) {
				return client.GetObject(ctx, "bucket", name, minio.GetObjectOptions{})
			},
			Put: func(ctx context.Context, name string, content []byte) error {
				_, err := client.PutObject(ctx, "bucket", name, bytes.NewReader(content), int64(len(content)), minio.PutObjectOptions{})
				return err
			},
		}
	}})
}

func answer(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("ETag", `"0123456789abcdef0123456789abcdef"`)
	w.Header().Set("Last-Modified", "Mon, 30 Nov 2026 00:00:00 GMT")
	switch {
	case r.URL.Query().Has("tagging"):
		io.WriteString(w, `<Tagging><TagSet><Tag><Key>k</Key><Value>v</Value></Tag></TagSet></Tagging>`)
	case r.Method == http.MethodGet:
		w.Header().Set("Content-Length", fmt.Sprint(256<<10))
		io.WriteString(w, strings.Repeat("o", 256<<10))
	}
}

func refuse(w http.ResponseWriter, _ *http.Request, status int) {
	w.Header().Set("Content-Type", "application/xml")
	w.WriteHeader(status)
	fmt.Fprintf(w, `<Error><Code>Code%d</Code><Message>%s</Message></Error>`, status, http.StatusText(status))
}
