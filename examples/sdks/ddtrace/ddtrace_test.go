// Package ddtrace has Datadog's instrumentation with the kit.
package ddtrace

import (
	"net/http"
	"testing"

	httptrace "github.com/DataDog/dd-trace-go/contrib/net/http/v2"

	"github.com/warmconn/warmconn/examples/sdks/internal/sdktest"
)

// TestInside is a row of docs/sdks.md:
//
//	sdk: dd-trace-go, the kit inside
//	module: github.com/DataDog/dd-trace-go/contrib/net/http/v2
//	first: Datadog's options
//	not after: `WrapClient` over a client that has the kit is the same; it changes the client that it is given
//	reuse: 89 / 89
func TestInside(t *testing.T) {
	sdktest.Run(t, sdktest.SDK{Answer: sdktest.HTTPAnswer, Client: func(t testing.TB, e *sdktest.Env) sdktest.Ops {
		kit, base, client := e.Kit, e.Base, new(http.Client)
		//docs:line
		client.Transport = httptrace.WrapRoundTripper(kit.Wrap(base))
		//docs:end
		return sdktest.HTTPOps(e.URL, client.Do)
	}})
}

// TestOutside is a row of docs/sdks.md:
//
//	sdk: dd-trace-go, the kit outside
//	module: github.com/DataDog/dd-trace-go/contrib/net/http/v2
//	first: better not this way: the kit can't own connections through a middleware, and `OnWarning` says so
//	not after: nothing is lost but reuse
//	reuse: 76 / 75
func TestOutside(t *testing.T) {
	sdktest.Run(t, sdktest.SDK{Answer: sdktest.HTTPAnswer, Outside: true, Client: func(t testing.TB, e *sdktest.Env) sdktest.Ops {
		kit, client := e.Kit, httptrace.WrapClient(&http.Client{Transport: e.Base})
		//docs:line
		client = kit.Client(client)
		//docs:end
		return sdktest.HTTPOps(e.URL, client.Do)
	}})
}
