package pool

import (
	"context"
	"net/http"
	"net/url"
	"strings"
)

// proxyAuthError is what net/http says of a 407 that answered CONNECT: nothing but the
// reason phrase, which is the proxy's own, and may be anything, or not there. So only
// whoever has seen the answer can tell.
type proxyAuthError struct{ phrase string }

func (e *proxyAuthError) Error() string { return e.phrase }

// ErrorType names the error for OpenTelemetry's error.type.
func (*proxyAuthError) ErrorType() string { return "proxy_auth" }

// nameProxyAuth has t, a clone of the Pool's own, tell a 407 from other refusals of a
// proxy. The program's own hook comes first.
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
			phrase = "unknown status code" // as net/http has it
		}
		return &proxyAuthError{phrase}
	}
}
