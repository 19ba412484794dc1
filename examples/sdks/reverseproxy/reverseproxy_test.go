// Package reverseproxy has net/http's ReverseProxy with the kit.
package reverseproxy

import (
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"testing"

	"go.opentelemetry.io/otel/propagation"

	"github.com/warmconn/warmconn/examples/sdks/internal/sdktest"
)

// TestReverseProxy is a row of docs/sdks.md:
//
//	sdk: httputil.ReverseProxy
//	module: std
//	first: the transport's settings; a server's instrumentation, whose span is then the parent
//	not after: nothing is lost
//	reuse: 78 / 76
func TestReverseProxy(t *testing.T) {
	sdktest.Run(t, sdktest.SDK{Answer: sdktest.HTTPAnswer, Client: func(t testing.TB, e *sdktest.Env) sdktest.Ops {
		kit, base := e.Kit, e.Base
		target, err := url.Parse(e.URL)
		if err != nil {
			t.Fatal(err)
		}
		proxy := &httputil.ReverseProxy{ErrorLog: log.New(io.Discard, "", 0)}
		proxy.Rewrite = func(r *httputil.ProxyRequest) { r.SetURL(target) }
		//docs:line
		proxy.Transport = kit.Wrap(base)
		//docs:end
		front := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			ctx := e.Propagator().Extract(r.Context(), propagation.HeaderCarrier(r.Header))
			proxy.ServeHTTP(w, r.WithContext(ctx))
		}))
		front.Config.ErrorLog = proxy.ErrorLog
		before := &http.Client{Transport: new(http.Transport)}
		ops := sdktest.HTTPOps(front.URL, func(req *http.Request) (*http.Response, error) {
			e.Propagator().Inject(req.Context(), propagation.HeaderCarrier(req.Header))
			return before.Do(req)
		})
		ops.Close = func() {
			before.CloseIdleConnections()
			front.Close()
		}
		return ops
	}})
}
