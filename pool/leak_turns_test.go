package pool_test

import (
	"context"
	"fmt"
	"net/http"
	"sync/atomic"
	"testing"
	"time"

	"github.com/warmconn/warmconn/drain"
	"github.com/warmconn/warmconn/internal/eventually"
	"github.com/warmconn/warmconn/internal/fullsize"
	"github.com/warmconn/warmconn/internal/stack"
	"github.com/warmconn/warmconn/internal/testserver"
	"github.com/warmconn/warmconn/pool"
	"github.com/warmconn/warmconn/roundtripper"
)

// With a server whose bodies never end, the drain of a leaked body takes all of its time; leaked
// bodies of other hosts must not wait for that.
func TestLeaksThatHangDoNotHoldUpOtherHosts(t *testing.T) {
	t.Parallel()
	n := int32(fullsize.Of(2000, 400))
	for name, evil := range map[string]func(i int) string{
		"one host":   func(int) string { return "http://evil.example/hang" },
		"many hosts": func(i int) string { return fmt.Sprintf("http://evil%d.example/hang", i) },
	} {
		t.Run(name, func(t *testing.T) {
			srv := testserver.New(framed(nil), testserver.Options{Memory: true})
			defer srv.Close()
			const good = "http://good.example:80"
			var ended, healed, whole atomic.Int32
			p := pool.New(pool.Options{})
			defer p.Close()
			client := roundtripper.Client(&http.Client{Transport: srv.Transport()}, roundtripper.Observe(roundtripper.Observer{
				End: func(_ context.Context, e roundtripper.Exchange) {
					ended.Add(1)
					if e.DrainTime >= stack.LeakTime {
						whole.Add(1)
					}
					if e.Host == good {
						healed.Add(1)
					}
				},
			}), drain.New(drain.Options{}).Middleware, p.Middleware)
			for i := range int(n) {
				dropOne(t, client, t.Context(), evil(i))
			}
			eventually.Collected(t, "the first leak of n", func() bool {
				return ended.Load() > 0
			})
			dropOne(t, client, t.Context(), good+"/hang")
			began, left := time.Now(), n-ended.Load()
			eventually.Collected(t, "the leak of the good host", func() bool {
				return healed.Load() == 1
			})
			took := time.Since(began)
			t.Logf("healed after %v, behind %d", took, left)
			eventually.True(t, "all leaks", func() bool { return ended.Load() == n+1 })
			t.Logf("all healed after %v; the drains of %d took all of their time", time.Since(began), whole.Load())
			// Whose turn it is internal/stack's tests show. With all of its time for each, the last of them would be ended after 25 s, and 5 s in the small size.
			if w := whole.Load(); w > n/2 {
				t.Errorf("%d of %d leaks that hang were given %v each", w, n, stack.LeakTime)
			}
		})
	}
}
