// Package azblob has the Azure SDK's blob client with the kit.
package azblob

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/storage/azblob"

	"github.com/warmconn/warmconn/examples/sdks/internal/sdktest"
)

// TestAzblob is a row of docs/sdks.md:
//
//	sdk: azcore, azblob
//	module: github.com/Azure/azure-sdk-for-go/sdk/storage/azblob
//	first: proxy and TLS, on the transport of `httpClient`
//	not after: nothing is lost; every client of the SDK takes `azcore.ClientOptions`
//	reuse: 93 / 95
func TestAzblob(t *testing.T) {
	// The retry policy of azcore v1.24.0 returns a canceled context's error without closing the response.
	sdktest.Run(t, sdktest.SDK{DropsCanceled: true, Answer: answer, Refuse: refuse, Client: func(t testing.TB, e *sdktest.Env) sdktest.Ops {
		kit, httpClient := e.Kit, &http.Client{Transport: e.Base}
		var options azcore.ClientOptions
		options.Retry = policy.RetryOptions{MaxRetries: 2, RetryDelay: time.Millisecond, MaxRetryDelay: time.Millisecond}
		//docs:line
		options.Transport = kit.Client(httpClient)
		//docs:end
		client, err := azblob.NewClientWithNoCredential(e.URL, &azblob.ClientOptions{ClientOptions: options})
		if err != nil {
			t.Fatal(err)
		}
		return sdktest.Ops{
			Get: func(ctx context.Context, name string) (string, error) {
				page, err := client.NewListBlobsFlatPager("container", &azblob.ListBlobsFlatOptions{Prefix: &name}).NextPage(ctx)
				if err != nil {
					return "", err
				}
				return fmt.Sprint(len(page.Segment.BlobItems)), nil
			},
			Open: func(ctx context.Context, name string) (io.ReadCloser, error) {
				resp, err := client.DownloadStream(ctx, "container", name, nil)
				if err != nil {
					return nil, err
				}
				return resp.Body, nil
			},
			Put: func(ctx context.Context, name string, content []byte) error {
				_, err := client.UploadBuffer(ctx, "container", name, content, nil)
				return err
			},
		}
	}})
}

func answer(w http.ResponseWriter, r *http.Request) {
	switch {
	case r.URL.Query().Get("comp") == "list":
		w.Header().Set("Content-Type", "application/xml")
		io.WriteString(w, `<EnumerationResults><Blobs>`+strings.Repeat(`<Blob><Name>b</Name><Properties></Properties></Blob>`, 10)+`</Blobs></EnumerationResults>`)
	case r.Method == http.MethodGet:
		io.WriteString(w, strings.Repeat("b", 256<<10))
	default:
		w.WriteHeader(http.StatusCreated)
	}
}

func refuse(w http.ResponseWriter, _ *http.Request, status int) {
	w.Header().Set("x-ms-error-code", fmt.Sprintf("Code%d", status))
	w.Header().Set("Content-Type", "application/xml")
	w.WriteHeader(status)
	fmt.Fprintf(w, `<Error><Code>Code%d</Code><Message>%s</Message></Error>`, status, http.StatusText(status))
}
