package pool_test

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"testing"

	"github.com/warmconn/warmconn/internal/errclass"
	"github.com/warmconn/warmconn/internal/testserver"
	"github.com/warmconn/warmconn/pool"
)

// throughProxy returns a transport whose proxy answers CONNECT with text.
func throughProxy(text string) *http.Transport {
	t := testserver.Answering(text)
	t.Proxy = http.ProxyURL(&url.URL{Scheme: "http", Host: "proxy.example"})
	return t
}

func refusedBy(t *testing.T, rt http.RoundTripper) error {
	t.Helper()
	req, _ := http.NewRequestWithContext(t.Context(), "GET", "https://host.example/", nil)
	_, err := rt.RoundTrip(req)
	if err == nil {
		t.Fatal("it did not fail")
	}
	return err
}

// The error has its class, and net/http's text.
func TestAProxyThatWantsCredentialsInItsOwnWords(t *testing.T) {
	for status, want := range map[string]string{
		"407 Proxy Authentication Required": "proxy_auth",
		"407 Proxy Authorization Required":  "proxy_auth",
		"407 authenticationrequired":        "proxy_auth",
		"407 ":                              "proxy_auth",
		"407":                               "proxy_auth",
		"403 Forbidden":                     errclass.Other,
	} {
		text := "HTTP/1.1 " + status + "\r\nContent-Length: 0\r\n\r\n"
		bare := throughProxy(text)
		defer bare.CloseIdleConnections()
		p := pool.New(pool.Options{})
		defer p.Close()
		err := refusedBy(t, p.Middleware(throughProxy(text)))
		if got := errclass.Of(err); got != want {
			t.Errorf("%q: class %q, want %q", status, got, want)
		}
		if want := refusedBy(t, bare); err.Error() != want.Error() {
			t.Errorf("%q: error %q, want net/http's %q", status, err, want)
		}
	}
}

// The program's own hook sees each answer, and its error goes first.
func TestTheProgramsHookSeesTheProxysAnswer(t *testing.T) {
	own := errors.New("own")
	for _, says := range []error{nil, own} {
		base := throughProxy("HTTP/1.1 407 Nope\r\nContent-Length: 0\r\n\r\n")
		var seen []int
		base.OnProxyConnectResponse = func(_ context.Context, _ *url.URL, _ *http.Request, resp *http.Response) error {
			seen = append(seen, resp.StatusCode)
			return says
		}
		p := pool.New(pool.Options{})
		defer p.Close()
		err := refusedBy(t, p.Middleware(base))
		if got := errclass.Of(err); says == nil && got != "proxy_auth" {
			t.Errorf("class %q of %v, want proxy_auth", got, err)
		}
		if says != nil && !errors.Is(err, own) {
			t.Errorf("error %v, want the hook's own", err)
		}
		if len(seen) != 1 || seen[0] != 407 {
			t.Errorf("the hook saw %v, want one 407", seen)
		}
	}
}
