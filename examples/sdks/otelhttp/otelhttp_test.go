// Package otelhttp has OpenTelemetry's instrumentation with the kit.
package otelhttp

import (
	"net/http"
	"testing"

	"go.opentelemetry.io/contrib/instrumentation/net/http/otelhttp"

	"github.com/warmconn/warmconn/examples/sdks/internal/sdktest"
)

// options are the program's own, of which the kit knows nothing.
func options(e *sdktest.Env) []otelhttp.Option {
	return []otelhttp.Option{otelhttp.WithTracerProvider(e.Provider), otelhttp.WithPropagators(e.Propagator())}
}

// TestAnnotate is a row of docs/sdks.md:
//
//	sdk: otelhttp, its spans annotated
//	module: go.opentelemetry.io/contrib/instrumentation/net/http/otelhttp
//	first: `warmconn.Options{Annotate: true}`: otelhttp's span has the connection's facts, and the kit makes none
//	not after: nothing is lost
//	reuse: 89 / 89
func TestAnnotate(t *testing.T) {
	spans := sdktest.Spans{Above: otelhttp.ScopeName, Annotate: true}
	sdktest.Run(t, sdktest.SDK{Answer: sdktest.HTTPAnswer, Spans: spans, Client: func(t testing.TB, e *sdktest.Env) sdktest.Ops {
		kit, base, options := e.Kit, e.Base, options(e)
		client := new(http.Client)
		//docs:line
		client.Transport = otelhttp.NewTransport(kit.Wrap(base), options...)
		//docs:end
		return sdktest.HTTPOps(e.URL, client.Do)
	}})
}

// TestInside is a row of docs/sdks.md:
//
//	sdk: otelhttp, the kit inside
//	module: go.opentelemetry.io/contrib/instrumentation/net/http/otelhttp
//	first: otelhttp's options; a request has two CLIENT spans, the kit's below otelhttp's
//	not after: nothing is lost
//	reuse: 88 / 89
func TestInside(t *testing.T) {
	spans := sdktest.Spans{Above: otelhttp.ScopeName}
	sdktest.Run(t, sdktest.SDK{Answer: sdktest.HTTPAnswer, Spans: spans, Client: func(t testing.TB, e *sdktest.Env) sdktest.Ops {
		kit, base, options := e.Kit, e.Base, options(e)
		client := new(http.Client)
		//docs:line
		client.Transport = otelhttp.NewTransport(kit.Wrap(base), options...)
		//docs:end
		return sdktest.HTTPOps(e.URL, client.Do)
	}})
}

// TestOutside is a row of docs/sdks.md:
//
//	sdk: otelhttp, the kit outside
//	module: go.opentelemetry.io/contrib/instrumentation/net/http/otelhttp
//	first: better not this way: the kit can't own connections through a middleware, and `OnWarning` says so
//	not after: nothing is lost but reuse
//	reuse: 74 / 74
func TestOutside(t *testing.T) {
	spans := sdktest.Spans{Below: otelhttp.ScopeName}
	sdktest.Run(t, sdktest.SDK{Answer: sdktest.HTTPAnswer, Spans: spans, Outside: true, Client: func(t testing.TB, e *sdktest.Env) sdktest.Ops {
		kit, client := e.Kit, &http.Client{Transport: otelhttp.NewTransport(e.Base, options(e)...)}
		//docs:line
		client = kit.Client(client)
		//docs:end
		return sdktest.HTTPOps(e.URL, client.Do)
	}})
}
