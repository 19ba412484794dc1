// Package retryablehttp has HashiCorp's retrier with the kit.
package retryablehttp

import (
	"net/http"
	"testing"
	"time"

	"github.com/hashicorp/go-retryablehttp"

	"github.com/warmconn/warmconn/examples/sdks/internal/sdktest"
)

func newClient(e *sdktest.Env) *retryablehttp.Client {
	client := retryablehttp.NewClient()
	client.Logger = nil
	client.RetryMax, client.RetryWaitMin, client.RetryWaitMax = 2, time.Millisecond, 2*time.Millisecond
	client.HTTPClient.Transport.(*http.Transport).TLSClientConfig = e.Base.TLSClientConfig
	return client
}

// TestKitBelow is a row of docs/sdks.md:
//
//	sdk: go-retryablehttp, the kit below
//	module: github.com/hashicorp/go-retryablehttp
//	first: the transport's settings; each attempt has a span of its own
//	not after: nothing is lost. The retrier closes the idle connections after each call that fails, with the kit or without
//	reuse: 84 / 84
func TestKitBelow(t *testing.T) {
	sdktest.Run(t, sdktest.SDK{Answer: sdktest.HTTPAnswer, Client: func(t testing.TB, e *sdktest.Env) sdktest.Ops {
		kit, client := e.Kit, newClient(e)
		//docs:line
		client.HTTPClient = kit.Client(client.HTTPClient)
		//docs:end
		ops := sdktest.HTTPOps(e.URL, client.StandardClient().Do)
		ops.Close = client.HTTPClient.CloseIdleConnections
		return ops
	}})
}

// TestKitAbove is a row of docs/sdks.md:
//
//	sdk: go-retryablehttp, the kit above
//	module: github.com/hashicorp/go-retryablehttp
//	first: better the way below: here all attempts are one span, and the kit can't own connections
//	not after: nothing is lost but that
//	reuse: 77 / 77
func TestKitAbove(t *testing.T) {
	spans := sdktest.Spans{Several: true}
	sdktest.Run(t, sdktest.SDK{Answer: sdktest.HTTPAnswer, Spans: spans, Outside: true, Client: func(t testing.TB, e *sdktest.Env) sdktest.Ops {
		kit, client := e.Kit, newClient(e)
		//docs:line
		httpClient := kit.Client(client.StandardClient())
		//docs:end
		ops := sdktest.HTTPOps(e.URL, httpClient.Do)
		ops.Close = client.HTTPClient.CloseIdleConnections
		return ops
	}})
}
