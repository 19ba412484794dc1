package connpool

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptrace"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/warmconn/warmconn/internal/eventually"
)

// TestPutIdleConnHearsOfRefusals: the hook is told whether the connection is kept, as with
// bare net/http.
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

// TestPutIdleConnHearsOfWhatIsDrainedBehind: Go 1.27 drains a body that is closed early, and
// the Pool takes the connection back before net/http calls the hook.
func TestPutIdleConnHearsOfWhatIsDrainedBehind(t *testing.T) {
	if strings.HasPrefix(runtime.Version(), "go1.26") {
		t.Skip("SKIPPED: Go 1.26 drains nothing")
	}
	s, base := serve(t, "http", func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, strings.Repeat("x", 100_000)) })
	p := newPool(t, base, Options{MaxIdlePerHost: 1})
	back := 0
	for range 20 {
		heard := make(chan error, 1)
		ctx := httptrace.WithClientTrace(context.Background(), &httptrace.ClientTrace{PutIdleConn: func(err error) { heard <- err }})
		resp, err := openGet(ctx, rt{p: p}, s.URL)
		if err != nil {
			t.Fatal(err)
		}
		c := resp.Body.(*endBody).e.conn
		resp.Body.Close()
		eventually.True(t, "net/http's drain to end", func() bool { return len(heard) > 0 || c.cc.Err() != nil })
		if c.cc.Err() != nil {
			continue // it had 50 ms, which a busy machine may not give it
		}
		back++
		if err := <-heard; err != nil {
			t.Errorf("PutIdleConn heard %q, want nil", err)
		}
	}
	if back == 0 {
		t.Error("no connection came back")
	}
}
