package drain_test

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/warmconn/warmconn/drain"
	"github.com/warmconn/warmconn/internal/testserver"
	"github.com/warmconn/warmconn/pool"
	"github.com/warmconn/warmconn/roundtripper"
)

// BenchmarkClose is a request whose body is read to its end or closed unread,
// with net/http alone and with the drain.
func BenchmarkClose(b *testing.B) {
	for _, secure := range []bool{false, true} {
		for _, size := range []int{1 << 10, 128 << 10} {
			srv := testserver.New(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Content-Length", fmt.Sprint(size))
				io.WriteString(w, strings.Repeat("x", size))
			}), testserver.Options{TLS: secure})
			defer srv.Close()
			for _, v := range []struct {
				name string
				read bool
				mw   []roundtripper.Middleware
			}{
				{"read/bare", true, nil},
				{"read/drain", true, []roundtripper.Middleware{drain.New(drain.Options{}).Middleware}},
				{"read/drain+pool", true, []roundtripper.Middleware{drain.New(drain.Options{}).Middleware, pool.New(pool.Options{}).Middleware}},
				{"unread/bare", false, nil},
				{"unread/drain", false, []roundtripper.Middleware{drain.New(drain.Options{}).Middleware}},
				{"unread/drain+pool", false, []roundtripper.Middleware{drain.New(drain.Options{}).Middleware, pool.New(pool.Options{}).Middleware}},
			} {
				b.Run(fmt.Sprintf("tls=%v/%dKiB/%s", secure, size>>10, v.name), func(b *testing.B) {
					client := roundtripper.Client(&http.Client{Transport: srv.Transport()}, v.mw...)
					defer client.CloseIdleConnections()
					before := srv.Opened()
					b.ReportAllocs()
					for b.Loop() {
						resp, err := client.Get(srv.URL)
						if err != nil {
							b.Fatal(err)
						}
						if v.read {
							io.Copy(io.Discard, resp.Body)
						}
						resp.Body.Close()
					}
					b.ReportMetric(float64(srv.Opened()-before)/float64(b.N), "conns/op")
				})
			}
		}
	}
}
