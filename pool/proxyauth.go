package pool

import (
	"context"
	"net/http"
	"net/url"
	"strings"
)

// proxyAuthError has the text of net/http's error for a 407 that answered CONNECT. That is
// the reason phrase alone, which the proxy chooses, or leaves out. So the text does not
// tell a 407 from other answers: only code that has seen the answer can.
type proxyAuthError struct{ phrase string }

func (e *proxyAuthError) Error() string { return e.phrase }

// ErrorType names the error for OpenTelemetry's error.type.
func (*proxyAuthError) ErrorType() string { return "proxy_auth" }

// nameProxyAuth has t, a clone of the Pool's own, return a proxyAuthError for a 407. The
// program's own hook is called first.
func nameProxyAuth(t *http.Transport) {
	own := t.OnProxyConnectResponse
	t.OnProxyConnectResponse = func(ctx context.Context, proxy *url.URL, req *http.Request, resp *http.Response) error {
		if own != nil {
			if err := own(ctx, proxy, req, resp); err != nil {
				return err
			}
		}
		if resp.StatusCode != http.StatusProxyAuthRequired {
			return nil
		}
		_, phrase, ok := strings.Cut(resp.Status, " ")
		if !ok {
			phrase = "unknown status code" // net/http's text
		}
		return &proxyAuthError{phrase}
	}
}
