// Package prometheus has the client of Prometheus' API with the kit.
package prometheus

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/api"
	v1 "github.com/prometheus/client_golang/api/prometheus/v1"

	"github.com/warmconn/warmconn/examples/sdks/internal/sdktest"
)

// TestPrometheus is a row of docs/sdks.md:
//
//	sdk: prometheus api
//	module: github.com/prometheus/client_golang
//	first: proxy and TLS, on `base`; `api.DefaultRoundTripper` will do
//	not after: `Config.Client` beside `RoundTripper`: an error
//	reuse: 93 / 93
func TestPrometheus(t *testing.T) {
	sdktest.Run(t, sdktest.SDK{Answer: answer, Refuse: refuse, Client: func(t testing.TB, e *sdktest.Env) sdktest.Ops {
		kit, base := e.Kit, e.Base
		//docs:line
		client, err := api.NewClient(api.Config{Address: e.URL, RoundTripper: kit.Wrap(base)})
		//docs:end
		if err != nil {
			t.Fatal(err)
		}
		prom := v1.NewAPI(client)
		return sdktest.Ops{
			Get: func(ctx context.Context, name string) (string, error) {
				value, _, _, err := prom.Query(ctx, fmt.Sprintf("up{job=%q}", name), time.Unix(0, 0))
				if err != nil {
					return "", err
				}
				return value.String(), nil
			},
		}
	}})
}

func answer(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	sample := `{"metric":{"job":"j"},"value":[0,"1"]},`
	io.WriteString(w, `{"status":"success","data":{"resultType":"vector","result":[`+strings.TrimSuffix(strings.Repeat(sample, 20), ",")+`]}}`)
}

func refuse(w http.ResponseWriter, _ *http.Request, status int) {
	w.WriteHeader(status)
	fmt.Fprintf(w, `{"status":"error","errorType":"execution","error":%q}`, http.StatusText(status))
}
