// Package stripe has Stripe's client with the kit.
package stripe

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/stripe/stripe-go/v82"

	"github.com/warmconn/warmconn/examples/sdks/internal/sdktest"
)

// TestStripe is a row of docs/sdks.md:
//
//	sdk: stripe-go
//	module: github.com/stripe/stripe-go/v82
//	first: proxy and TLS, on the transport of `httpClient`
//	not after: `stripe.SetHTTPClient`, once backends are made: they keep the client that they have. A download whose request fails panics in the SDK (`BackendImplementation.DoStreaming`), with the kit or without
//	reuse: 96 / 96
func TestStripe(t *testing.T) {
	sdktest.Run(t, sdktest.SDK{Answer: answer, Refuse: refuse, Client: func(t testing.TB, e *sdktest.Env) sdktest.Ops {
		kit, httpClient := e.Kit, &http.Client{Transport: e.Base}
		config := &stripe.BackendConfig{URL: &e.URL, MaxNetworkRetries: stripe.Int64(2), LeveledLogger: new(stripe.LeveledLogger)}
		//docs:line
		config.HTTPClient = kit.Client(httpClient)
		//docs:end
		backends := stripe.NewBackendsWithConfig(config)
		backends.API.(*stripe.BackendImplementation).SetNetworkRetriesSleep(false)
		backends.Uploads = backends.API
		client := stripe.NewClient("sk_test", stripe.WithBackends(backends))
		return sdktest.Ops{
			Get: func(ctx context.Context, name string) (string, error) {
				customer, err := client.V1Customers.Retrieve(ctx, name, nil)
				if err != nil {
					return "", err
				}
				return customer.Description, nil
			},
			Put: func(ctx context.Context, name string, content []byte) error {
				_, err := client.V1Customers.Update(ctx, name, &stripe.CustomerUpdateParams{Description: stripe.String(string(content))})
				return err
			},
			More: []sdktest.Call{{Name: "a download closed unread", Times: 20, Do: func(ctx context.Context) (string, error) {
				pdf, err := client.V1Quotes.PDF(ctx, "sc-ok", nil)
				if err != nil {
					return "", err
				}
				return "", pdf.LastResponse.Body.Close()
			}}},
		}
	}})
}

func answer(w http.ResponseWriter, r *http.Request) {
	if strings.HasSuffix(r.URL.Path, "/pdf") {
		io.WriteString(w, strings.Repeat("p", 256<<10))
		return
	}
	w.Header().Set("Content-Type", "application/json")
	fmt.Fprintf(w, `{"id":"c","object":"customer","description":%q}`, strings.Repeat("d", 500))
}

func refuse(w http.ResponseWriter, _ *http.Request, status int) {
	w.WriteHeader(status)
	fmt.Fprintf(w, `{"error":{"type":"api_error","message":%q}}`, http.StatusText(status))
}
