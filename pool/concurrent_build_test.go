package pool_test

import (
	"net/http"
	"sync"
	"testing"

	"github.com/warmconn/warmconn/internal/testserver"
	"github.com/warmconn/warmconn/pool"
	"github.com/warmconn/warmconn/roundtripper"
)

// Several SDKs may wrap http.DefaultTransport at once while the program sends its first request
// over it, which has net/http set the transport's HTTP/2 up. The test is for the race
// detector.
func TestATransportMayBeWrappedWhileItIsFirstUsed(t *testing.T) {
	srv := testserver.New(http.HandlerFunc(hello), testserver.Options{})
	defer srv.Close()
	for range 20 {
		base := srv.Transport()
		var all sync.WaitGroup
		for range 4 {
			all.Go(func() {
				p := pool.New(pool.Options{})
				defer p.Close()
				if err := get(&http.Client{Transport: p.Middleware(base)}, srv.URL); err != nil {
					t.Error(err)
				}
			})
			all.Go(func() {
				if err := get(&http.Client{Transport: base}, srv.URL); err != nil {
					t.Error(err)
				}
			})
			all.Go(func() { roundtripper.Describe(base) })
		}
		all.Wait()
		base.CloseIdleConnections()
	}
}
