package pool_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"runtime"
	"sync"
	"testing"

	"github.com/warmconn/warmconn/drain"
	"github.com/warmconn/warmconn/internal/fullsize"
	"github.com/warmconn/warmconn/internal/testserver"
	"github.com/warmconn/warmconn/pool"
	"github.com/warmconn/warmconn/roundtripper"
)

var errLogsEnded = errors.New("the follower of logs went away")

// follow reads a body that does not end, as moby's client does for logs: it is closed during a
// Read when the context ends. Follow returns the Read's error.
func follow(t *testing.T, client *http.Client, url string, i, tries int) error {
	t.Helper()
	ctx, cancel := context.WithCancelCause(t.Context())
	defer cancel(nil)
	req, _ := http.NewRequestWithContext(ctx, "GET", url, nil)
	resp, err := client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	closed := make(chan struct{})
	context.AfterFunc(ctx, func() { resp.Body.Close(); close(closed) })
	buf := make([]byte, 64)
	if n, err := resp.Body.Read(buf); n == 0 || err != nil {
		t.Fatalf("the first Read: %d, %v", n, err)
	}
	reading := make(chan struct{})
	go func() {
		<-reading
		for range i * 50 / tries { // the Read is under way, or about to be
			runtime.Gosched()
		}
		cancel(errLogsEnded)
	}()
	close(reading)
	_, err = resp.Body.Read(buf)
	<-closed
	return err
}

// If a Read of bare net/http returns the context's error at least at times, the kit's returns it
// always; and the exchange was canceled.
func TestBodyThatItsContextClosesUnderAReadSaysSo(t *testing.T) {
	tries := fullsize.Of(200, 20)
	for _, proto := range overProtocols {
		t.Run(proto.name, func(t *testing.T) {
			over := make(chan struct{})
			srv := testserver.New(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				io.WriteString(w, "a line\n")
				w.(http.Flusher).Flush()
				// No end of the body before the connection's: over TLS a Close sends
				// close_notify first, which a server would answer with the rest.
				<-r.Context().Done()
				<-over
			}), proto.opts)
			defer srv.Close()
			defer close(over)
			p := pool.New(pool.Options{})
			defer p.Close()
			dr := drain.New(drain.Options{})
			defer dr.Close()
			said := make(map[string]int)
			for _, v := range []struct {
				name string
				mw   []roundtripper.Middleware
			}{
				{"bare", nil},
				{"observe", []roundtripper.Middleware{}},
				{"kit", []roundtripper.Middleware{dr.Middleware, p.Middleware}},
			} {
				var mu sync.Mutex
				outcomes := make(map[roundtripper.Outcome]int)
				tr := srv.Transport()
				defer tr.CloseIdleConnections()
				client := &http.Client{Transport: tr}
				if v.mw != nil {
					client = roundtripper.Client(client, append(v.mw, roundtripper.Observe(roundtripper.Observer{End: func(_ context.Context, e roundtripper.Exchange) {
						mu.Lock()
						defer mu.Unlock()
						outcomes[e.Outcome]++
					}}))...)
				}
				others := make(map[string]int)
				for i := range tries {
					if err := follow(t, client, srv.URL, i, tries); errors.Is(err, errLogsEnded) || errors.Is(err, context.Canceled) {
						said[v.name]++
					} else {
						others[fmt.Sprint(err)]++
					}
				}
				client.CloseIdleConnections()
				t.Logf("%s: %d of %d, else %v; outcomes %v", v.name, said[v.name], tries, others, outcomes)
				if v.mw == nil {
					continue
				}
				if said[v.name] < tries {
					t.Errorf("%s: the context's error %d times of %d, bare net/http %d times; else %v", v.name, said[v.name], tries, said["bare"], others)
				}
				mu.Lock()
				if n := outcomes[roundtripper.OutcomeCanceled]; n != tries {
					t.Errorf("%s: outcomes %v, want %d canceled", v.name, outcomes, tries)
				}
				mu.Unlock()
			}
		})
	}
}
