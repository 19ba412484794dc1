package roundtripper_test

import (
	"context"
	"net/http"
	"testing"

	"github.com/warmconn/warmconn/internal/stub"
	"github.com/warmconn/warmconn/roundtripper"
)

// A middleware may change the request that it was given, though it must not. The Exchange has
// the caller's method all the same.
func TestMethodIsTheCallersWhateverIsDoneBelow(t *testing.T) {
	var got []string
	rt := roundtripper.Observe(roundtripper.Observer{End: func(_ context.Context, x roundtripper.Exchange) {
		got = append(got, x.Method)
	}})(roundtripper.Func(func(req *http.Request) (*http.Response, error) {
		req.Method = "OPTIONS"
		return stub.Transport{}.RoundTrip(req)
	}))
	req, _ := http.NewRequest("GET", "http://host.example/", nil)
	if err := stub.Do(rt, req); err != nil {
		t.Fatal(err)
	}
	if len(got) != 1 || got[0] != "GET" {
		t.Errorf("methods %q, want the caller's GET", got)
	}
}
