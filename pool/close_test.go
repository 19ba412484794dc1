package pool_test

import (
	"errors"
	"io"
	"net/http"
	"testing"

	"github.com/warmconn/warmconn/internal/eventually"
	"github.com/warmconn/warmconn/internal/testserver"
	"github.com/warmconn/warmconn/pool"
	"github.com/warmconn/warmconn/roundtripper"
)

// Requests in flight when the pool is closed end as they would have, and leave nothing behind.
// Requests that wait, and later ones, are refused.
func TestCloseEndsWhatIsLeft(t *testing.T) {
	for _, proto := range overProtocols {
		t.Run(proto.name, func(t *testing.T) {
			goOn := make(chan struct{})
			srv := testserver.New(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				w.(http.Flusher).Flush()
				if r.URL.Path == "/slow" {
					<-goOn
				}
				hello(w, r)
			}), proto.opts)
			defer srv.Close()
			p := pool.New(pool.Options{MaxPerHost: 2})
			client := roundtripper.Client(&http.Client{Transport: srv.Transport()}, p.Middleware)
			if err := get(client, srv.URL); err != nil {
				t.Fatal(err)
			}
			var flying []*http.Response
			for range 2 {
				resp, err := client.Get(srv.URL + "/slow")
				if err != nil {
					t.Fatal(err)
				}
				flying = append(flying, resp)
			}
			waiter := make(chan error)
			go func() { waiter <- get(client, srv.URL) }()
			eventually.True(t, "a request to wait", func() bool { return p.Stats().Waiting == 1 })
			for range 2 {
				if err := p.Close(); err != nil {
					t.Error(err)
				}
			}
			if err := <-waiter; !errors.Is(err, pool.ErrClosed) {
				t.Errorf("the one that waited got %v, want ErrClosed", err)
			}
			if err := get(client, srv.URL); !errors.Is(err, pool.ErrClosed) {
				t.Errorf("a new one got %v, want ErrClosed", err)
			}
			close(goOn)
			for _, resp := range flying {
				if body, err := io.ReadAll(resp.Body); string(body) != "hello" || err != nil {
					t.Errorf("one in flight read %q, %v", body, err)
				}
				resp.Body.Close()
			}
			eventually.True(t, "all connections to close", func() bool { return srv.Open() == 0 && p.Stats().Open == 0 })
			if s := p.Stats(); s.InUse != 0 || s.Waiting != 0 {
				t.Errorf("stats after Close: %+v", s)
			}
		})
	}
}
