// Package nethttp has net/http alone with the kit, for comparison.
package nethttp

import (
	"net/http"
	"testing"

	"github.com/warmconn/warmconn/examples/sdks/internal/sdktest"
)

// TestClient is a row of docs/sdks.md:
//
//	sdk: net/http
//	module: std
//	first: the transport's settings, and the client's
//	not after: the transport's settings: most are read once
//	reuse: 88 / 89
func TestClient(t *testing.T) {
	sdktest.Run(t, sdktest.SDK{Answer: sdktest.HTTPAnswer, Client: func(t testing.TB, e *sdktest.Env) sdktest.Ops {
		kit, client := e.Kit, &http.Client{Transport: e.Base}
		//docs:line
		client = kit.Client(client)
		//docs:end
		return sdktest.HTTPOps(e.URL, client.Do)
	}})
}
