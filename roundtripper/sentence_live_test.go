package roundtripper_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"runtime"
	"strconv"
	"testing"
	"testing/synctest"
	"time"

	"github.com/warmconn/warmconn/internal/testserver"
	"github.com/warmconn/warmconn/pool"
	"github.com/warmconn/warmconn/roundtripper"
)

// A real exchange has all that the example in Exchange.String's doc has: the line that closed a
// body unread, the session that was resumed, and the time that it took.
func TestTheSentenceOfARealExchange(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv := testserver.New(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			time.Sleep(7500 * time.Microsecond)
			w.Header().Set("Content-Length", strconv.Itoa(1<<20)) // more than Go 1.27 drains by itself
			w.Write(make([]byte, 1<<20))
		}), testserver.Options{Memory: true, TLS: true})
		defer srv.Close()
		base := srv.Transport()
		base.DialContext = testserver.Distant(srv.Dial, 1500*time.Microsecond)
		p := pool.New(pool.Options{TLSSessions: 1})
		defer p.Close()
		var last roundtripper.Exchange
		observe := roundtripper.Observe(roundtripper.Observer{End: func(_ context.Context, e roundtripper.Exchange) { last = e }})
		client := roundtripper.Client(&http.Client{Transport: base}, observe, p.Middleware)
		defer client.CloseIdleConnections()
		for range 2 {
			_, _, line, _ := runtime.Caller(0)
			resp, err := client.Get(srv.URL) // the line after
			if err != nil {
				t.Fatal(err)
			}
			if last.Host == "" {
				io.ReadFull(resp.Body, make([]byte, 100))
				resp.Body.Close()
				continue
			}
			so, _ := roundtripper.ExchangeOf(resp)
			io.Copy(io.Discard, resp.Body)
			resp.Body.Close()
			want := fmt.Sprintf(": new connection (body_unread by sentence_live_test.go:%d), TLS 1.3 resumed, 3 ms", line+1)
			if got := last.String(); got != "GET 127.0.0.1:1 200 in 12 ms"+want {
				t.Errorf("got  %s\nwant GET 127.0.0.1:1 200 in 12 ms%s", got, want)
			}
			if got := so.String(); got != "GET 127.0.0.1:1 200 so far"+want {
				t.Errorf("when the response had come: %s", got)
			}
		}
	})
}
