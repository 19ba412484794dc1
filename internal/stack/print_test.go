package stack

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/warmconn/warmconn/internal/stub"
)

func TestPrintedContextDoesNotShowTheRequest(t *testing.T) {
	const secret = "Bearer secret"
	rt := New(roundTripper(func(req *http.Request) (*http.Response, error) {
		if text := fmt.Sprint(req.Context()); strings.Contains(text, secret) || !strings.HasPrefix(text, "context.Background.") {
			t.Errorf("the context prints as %s", text)
		}
		return stub.Transport{}.RoundTrip(req)
	}), new(last))
	req, _ := http.NewRequest("GET", "http://host.example/", nil)
	req.Header.Set("Authorization", secret)
	if err := stub.Do(rt, req); err != nil {
		t.Error(err)
	}
}
