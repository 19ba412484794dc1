package pool_test

import (
	"net/http"
	"net/url"
	"testing"

	"github.com/warmconn/warmconn/pool"
)

// A Proxy function may use the same client, to fetch a PAC file for example. Its request must not
// wait for the slot of the request for which it is called.
func TestProxyFunctionsOwnRequestsDoNotWaitForTheirSlot(t *testing.T) {
	for name, o := range map[string]pool.Options{"per host": {MaxPerHost: 1}, "in all": {MaxTotal: 1}} {
		t.Run(name, func(t *testing.T) {
			srv := answers(t)
			p := pool.New(o)
			defer p.Close()
			var client *http.Client
			base := &http.Transport{Proxy: func(r *http.Request) (*url.URL, error) {
				if r.URL.Path == "/pac" {
					return nil, nil
				}
				req, _ := http.NewRequestWithContext(r.Context(), "GET", srv.URL+"/pac", nil)
				resp, err := client.Do(req)
				if err != nil {
					return nil, err
				}
				return nil, resp.Body.Close()
			}}
			client = &http.Client{Transport: p.Middleware(base)}
			done := make(chan error)
			go func() { done <- fetch(client, srv.URL) }()
			if err := within(t, done); err != nil {
				t.Error(err)
			}
			if s := p.Stats(); s.InUse != 0 || s.Waiting != 0 {
				t.Errorf("%d slots in use and %d waiting, want none", s.InUse, s.Waiting)
			}
		})
	}
}
