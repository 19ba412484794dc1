// Package resty has resty with the kit.
package resty

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"testing"
	"time"

	"github.com/go-resty/resty/v2"

	"github.com/warmconn/warmconn/examples/sdks/internal/sdktest"
)

// TestResty is a row of docs/sdks.md:
//
//	sdk: resty
//	module: github.com/go-resty/resty/v2
//	first: TLS and proxy, on the transport of `httpClient`
//	not after: `SetTLSClientConfig`, `SetRootCertificate…`, `SetCertificates`, `SetProxy`: they want an *http.Transport, and only log an error
//	reuse: 96 / 96
func TestResty(t *testing.T) {
	sdktest.Run(t, sdktest.SDK{Answer: sdktest.HTTPAnswer, Client: func(t testing.TB, e *sdktest.Env) sdktest.Ops {
		kit, httpClient := e.Kit, &http.Client{Transport: e.Base}
		//docs:line
		client := resty.NewWithClient(kit.Client(httpClient))
		//docs:end
		client.SetLogger(silent{})
		client.SetBaseURL(e.URL).SetRetryCount(2).SetRetryWaitTime(time.Millisecond).SetRetryMaxWaitTime(2 * time.Millisecond)
		client.AddRetryCondition(func(resp *resty.Response, _ error) bool { return resp != nil && resp.StatusCode() >= 500 })
		return sdktest.Ops{
			Get: func(ctx context.Context, name string) (string, error) {
				return whole(client.R().SetContext(ctx).Get("/small/" + name))
			},
			Open: func(ctx context.Context, name string) (io.ReadCloser, error) {
				resp, err := client.R().SetContext(ctx).SetDoNotParseResponse(true).Get("/big/" + name)
				if err != nil {
					return nil, err
				}
				return resp.RawBody(), nil
			},
			Put: func(ctx context.Context, name string, content []byte) error {
				_, err := whole(client.R().SetContext(ctx).SetBody(content).Put("/small/" + name))
				return err
			},
		}
	}})
}

func whole(resp *resty.Response, err error) (string, error) {
	if err == nil && resp.IsError() {
		err = fmt.Errorf("status %d", resp.StatusCode())
	}
	return resp.String(), err
}

// silent is a logger.
type silent struct{}

func (silent) Errorf(string, ...any) {}
func (silent) Warnf(string, ...any)  {}
func (silent) Debugf(string, ...any) {}
