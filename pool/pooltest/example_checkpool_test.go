package pooltest_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"

	"github.com/warmconn/warmconn/pool"
	"github.com/warmconn/warmconn/pool/pooltest"
	"github.com/warmconn/warmconn/roundtripper"
)

// billing is an SDK that has a Pool of its own, and a leak.
type billing struct {
	pool   *pool.Pool
	client *http.Client
}

func newBilling(c *http.Client) *billing {
	p := pool.New(pool.Options{MaxPerHost: 8})
	return &billing{p, roundtripper.Client(c, p.Middleware)}
}

func (b *billing) Invoice(id string) (string, error) {
	resp, err := b.client.Get("http://billing.example.com/invoices/" + id)
	if err != nil {
		return "", err
	}
	if resp.StatusCode != http.StatusOK {
		return "", fmt.Errorf("invoice %s: %s", id, resp.Status) // and the body?
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	return string(text), err
}

// The leak is on the path of an error, as most are: a test that knows only the good
// path would pass.
func ExampleCheckPool() {
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/invoices/2" {
			http.Error(w, "no such invoice", http.StatusNotFound)
			return
		}
		fmt.Fprint(w, "12.50 EUR")
	}))
	defer srv.Close()
	sdk := newBilling(srv.Client()) // which has example.com lead to srv
	defer sdk.pool.Close()

	t := new(printer) // a *testing.T
	pooltest.CheckPool(t, sdk.pool)
	fmt.Println(sdk.Invoice("1"))
	fmt.Println(sdk.Invoice("2"))

	t.end() // as go test does
	// Output:
	// 12.50 EUR <nil>
	//  invoice 2: 404 Not Found
	// pooltest: a response body was dropped and never closed: http://billing.example.com:80
}
