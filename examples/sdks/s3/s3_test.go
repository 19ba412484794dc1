// Package s3 has the AWS SDK's S3 client with the kit.
package s3

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/warmconn/warmconn/examples/sdks/internal/sdktest"
)

// TestS3 is a row of docs/sdks.md:
//
//	sdk: aws-sdk-go-v2, s3
//	module: github.com/aws/aws-sdk-go-v2/service/s3
//	first: `base.WithTransportOptions`, `base.WithDialerOptions` on the SDK's `BuildableClient`; its transport keeps at most 10 idle connections, and so does the kit, until `MaxIdleConnsPerHost` is 0 there
//	not after: `AWS_CA_BUNDLE` or `config.WithCustomCABundle`: `LoadDefaultConfig` fails over any client that is not a `BuildableClient`; put the CA on the base
//	reuse: 96 / 96
func TestS3(t *testing.T) {
	sdktest.Run(t, sdktest.SDK{Answer: answer, Refuse: refuse, Client: func(t testing.TB, e *sdktest.Env) sdktest.Ops {
		kit := e.Kit
		base := awshttp.NewBuildableClient().WithTransportOptions(func(tr *http.Transport) {
			tr.MaxIdleConnsPerHost = 0 // the SDK's 10 would hold
			if e.TLS {
				tr.TLSClientConfig.RootCAs = e.Roots()
			}
		})
		cfg := aws.Config{
			Region: "eu-central-1", BaseEndpoint: &e.URL,
			Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
				return aws.Credentials{AccessKeyID: "id", SecretAccessKey: "secret"}, nil
			}),
			Retryer: func() aws.Retryer {
				return retry.NewStandard(func(o *retry.StandardOptions) { o.MaxAttempts, o.MaxBackoff = 3, time.Millisecond })
			},
		}
		//docs:line
		cfg.HTTPClient = &http.Client{Transport: kit.Wrap(base.GetTransport())}
		//docs:end
		client := s3.NewFromConfig(cfg, func(o *s3.Options) { o.UsePathStyle = true })
		bucket := aws.String("bucket")
		return sdktest.Ops{
			Get: func(ctx context.Context, name string) (string, error) {
				out, err := client.ListObjectsV2(ctx, &s3.ListObjectsV2Input{Bucket: bucket, Prefix: &name})
				if err != nil {
					return "", err
				}
				return fmt.Sprint(aws.ToString(out.Name), len(out.Contents)), nil
			},
			Open: func(ctx context.Context, name string) (io.ReadCloser, error) {
				out, err := client.GetObject(ctx, &s3.GetObjectInput{Bucket: bucket, Key: &name})
				if err != nil {
					return nil, err
				}
				return out.Body, nil
			},
			Put: func(ctx context.Context, name string, content []byte) error {
				_, err := client.PutObject(ctx, &s3.PutObjectInput{Bucket: bucket, Key: &name, Body: bytes.NewReader(content)})
				return err
			},
			Close: cfg.HTTPClient.(*http.Client).CloseIdleConnections,
		}
	}})
}

func answer(w http.ResponseWriter, r *http.Request) {
	switch {
	case r.URL.Query().Has("list-type"):
		w.Header().Set("Content-Type", "application/xml")
		io.WriteString(w, `<ListBucketResult><Name>bucket</Name>`+strings.Repeat("<Contents><Key>k</Key></Contents>", 10)+`</ListBucketResult>`)
	case r.Method == http.MethodGet:
		io.WriteString(w, strings.Repeat("o", 256<<10))
	}
}

func refuse(w http.ResponseWriter, _ *http.Request, status int) {
	w.WriteHeader(status)
	fmt.Fprintf(w, `<Error><Code>Code%d</Code><Message>%s</Message></Error>`, status, http.StatusText(status))
}
