package pooltest_test

import (
	"fmt"
	"net/http"
	"regexp"
	"runtime"
	"testing"

	"github.com/warmconn/warmconn/internal/stub"
	"github.com/warmconn/warmconn/pool/pooltest"
	"github.com/warmconn/warmconn/roundtripper"
)

func collect() { runtime.GC() }

// printer is a test that prints why it has failed, as go test would.
type printer struct{ fake }

func (p *printer) Error(args ...any) {
	fmt.Println(directories.ReplaceAllString(fmt.Sprint(args...), "$1"))
}

// directories are not the same on every machine.
var directories = regexp.MustCompile(`(\s)(?:/|github)\S*/`)

// orders is an SDK with a leak.
type orders struct{ client *http.Client }

func (o orders) Exists(id string) bool {
	resp, err := o.client.Head("http://api.example/orders/" + id)
	if err != nil {
		return false
	}
	defer resp.Body.Close()
	return resp.StatusCode == 200
}

func (o orders) Cancel(id string) error {
	resp, err := o.client.Post("http://api.example/orders/"+id+"/cancel", "", nil)
	if err != nil {
		return err
	}
	if resp.StatusCode == 200 {
		return nil // and the body?
	}
	resp.Body.Close()
	return fmt.Errorf("cancel %s: %s", id, resp.Status)
}

func ExampleAssertNoLeaks() {
	t := new(printer) // a *testing.T
	p := pooltest.AssertNoLeaks(t)

	sdk := orders{roundtripper.Client(&http.Client{Transport: stub.Transport{}}, p.Middleware)}
	sdk.Exists("1")
	sdk.Cancel("1")

	t.end() // as go test does
	// Output:
	// pooltest: a response body was dropped and never closed: POST http://api.example:80, by
	// 	example_test.go:40 pooltest_test.orders.Cancel
}

var _ testing.TB = new(printer)
