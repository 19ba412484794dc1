package connpool

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptrace"
	"slices"
	"sync"
	"testing"
)

// TestPutIdleConnHearsOfRefusals: the hook is told what becomes of the connection, as
// with bare net/http.
func TestPutIdleConnHearsOfRefusals(t *testing.T) {
	const perHost = 1
	s, base := serve(t, "http", hello)
	base.MaxIdleConnsPerHost = perHost
	for _, closes := range []bool{false, true} {
		want := []string{"<nil>", errTooManyIdleHost.Error()}
		if closes {
			want = []string{errCloseIdle.Error(), errCloseIdle.Error()}
		}
		t.Run(fmt.Sprintf("closes=%v", closes), func(t *testing.T) {
			bareAndPool(t, Options{MaxIdlePerHost: perHost}, base.Clone, func(t *testing.T, r http.RoundTripper) {
				var mu sync.Mutex
				var heard []string
				ctx := httptrace.WithClientTrace(context.Background(), &httptrace.ClientTrace{PutIdleConn: func(err error) {
					mu.Lock()
					defer mu.Unlock()
					heard = append(heard, fmt.Sprint(err))
				}})
				var all []*http.Response
				for range perHost + 1 {
					resp, err := openGet(ctx, r, s.URL)
					if err != nil {
						t.Fatal(err)
					}
					all = append(all, resp)
				}
				if closes {
					switch r := r.(type) {
					case *http.Transport:
						r.CloseIdleConnections()
					case rt:
						r.p.CloseIdleConnections()
					}
				}
				for _, resp := range all {
					io.Copy(io.Discard, resp.Body)
				}
				mu.Lock()
				defer mu.Unlock()
				if !slices.Equal(heard, want) {
					t.Errorf("PutIdleConn heard %q, want %q", heard, want)
				}
			})
		})
	}
}
