package stripe

import (
	"net/http"
	"testing"

	"github.com/stripe/stripe-go/v82"
)

func TestADownloadWhoseRequestFailsPanicsWithBareNetHTTPToo(t *testing.T) {
	fails := roundTripper(func(*http.Request) (*http.Response, error) { return nil, http.ErrHandlerTimeout })
	config := &stripe.BackendConfig{
		URL: stripe.String("http://localhost"), HTTPClient: &http.Client{Transport: fails}, MaxNetworkRetries: stripe.Int64(0), LeveledLogger: new(stripe.LeveledLogger),
	}
	client := stripe.NewClient("sk_test", stripe.WithBackends(stripe.NewBackendsWithConfig(config)))
	defer func() {
		if recover() == nil {
			t.Error("it does not panic any more: the row can say so, and the plan have downloads")
		}
	}()
	client.V1Quotes.PDF(t.Context(), "id", nil)
}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(req *http.Request) (*http.Response, error) { return f(req) }
