package drain_test

import (
	"io"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/warmconn/warmconn/drain"
	"github.com/warmconn/warmconn/internal/testserver"
)

// TestCloseTakesItsLimitAndNoMore is TestCloseIsBounded in a bubble, where no busy machine makes
// a Close later: each Close of a body whose end does not come takes the drain's time at most.
func TestCloseTakesItsLimitAndNoMore(t *testing.T) {
	const limit = 20 * time.Millisecond
	hangs := func(w http.ResponseWriter, r *http.Request) {
		io.WriteString(w, "hello")
		w.(http.Flusher).Flush()
		<-r.Context().Done()
	}
	for name, serve := range map[string]http.HandlerFunc{
		"hangs": hangs,
		"hangs, of known length": func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Length", "1000")
			hangs(w, r)
		},
		"drips": func(w http.ResponseWriter, r *http.Request) {
			for r.Context().Err() == nil {
				io.WriteString(w, "x")
				w.(http.Flusher).Flush()
				time.Sleep(3 * time.Millisecond)
			}
		},
	} {
		for policy, o := range map[string]drain.Options{
			"fixed":         {Policy: drain.Fixed, MaxTime: limit},
			"adaptive":      {MaxTime: limit},
			"in background": {Background: 10, MaxTime: limit},
		} {
			t.Run(name+"/"+policy, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					srv := testserver.New(serve, testserver.Options{Memory: true})
					defer srv.Close()
					client, next := observed(srv, o)
					defer client.CloseIdleConnections()
					most, longest := limit, time.Duration(0)
					if o.Background > 0 {
						most = 0
					}
					for range 20 {
						resp, err := client.Get(srv.URL)
						if err != nil {
							t.Fatal(err)
						}
						began := time.Now()
						resp.Body.Close()
						longest = max(longest, time.Since(began))
						next()
					}
					if longest > most {
						t.Errorf("a Close took %v, want %v at most", longest, most)
					}
					if policy == "fixed" && longest != limit {
						t.Errorf("the longest Close took %v: was there a drain?", longest)
					}
				})
			})
		}
	}
}
