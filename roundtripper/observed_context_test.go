package roundtripper_test

import (
	"context"
	"net/http"
	"net/http/httptrace"
	"testing"

	"github.com/warmconn/warmconn/internal/testserver"
	"github.com/warmconn/warmconn/roundtripper"
)

// An Observer's context has no hooks of the kit. With them, a request of the Observer's own
// would be taken for the exchange, and a program that keeps the context would keep it all.
func TestObserversContextHasNoHooksOfTheKit(t *testing.T) {
	for name, opts := range map[string]testserver.Options{"http": {}, "https": {TLS: true}} {
		t.Run(name, func(t *testing.T) {
			srv := testserver.New(http.NotFoundHandler(), opts)
			defer srv.Close()
			base := srv.Transport()
			defer base.CloseIdleConnections()
			ended := 0
			rt := roundtripper.Observe(roundtripper.Observer{End: func(ctx context.Context, _ roundtripper.Exchange) {
				ended++
				if httptrace.ContextClientTrace(ctx) != nil {
					t.Error("the context has hooks, and the caller set none")
				}
			}})(base)
			req, _ := http.NewRequestWithContext(context.Background(), "HEAD", srv.URL, nil)
			resp, err := rt.RoundTrip(req)
			if err != nil {
				t.Fatal(err)
			}
			resp.Body.Close()
			if ended != 1 {
				t.Errorf("told of %d exchanges", ended)
			}
		})
	}
}
