package roundtripper_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httptrace"
	"sync"
	"time"

	"github.com/warmconn/warmconn/pool"
	"github.com/warmconn/warmconn/roundtripper"
)

// The time that a request has waited for limits is one number, for a slot or, as here, for the
// one connection that the transport allows.
func ExampleExchange_queueWait() {
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "hello") }))
	defer srv.Close()
	base := &http.Transport{MaxConnsPerHost: 1}
	client := roundtripper.Client(&http.Client{Transport: base}, roundtripper.Observe(roundtripper.Observer{
		End: func(_ context.Context, e roundtripper.Exchange) {
			fmt.Println("for limits:", e.QueueWait > 0, "for a dial:", e.ConnWait-(e.QueueWait-e.PoolWait) > 0)
		},
	}), pool.New(pool.Options{}).Middleware)
	defer client.CloseIdleConnections()
	first, err := client.Get(srv.URL)
	if err != nil {
		fmt.Println(err)
		return
	}
	var ended sync.WaitGroup
	ctx := httptrace.WithClientTrace(context.Background(), &httptrace.ClientTrace{GetConn: func(string) {
		ended.Go(func() { // the second request begins to wait
			time.Sleep(100 * time.Millisecond)
			io.Copy(io.Discard, first.Body)
			first.Body.Close()
		})
	}})
	req, _ := http.NewRequestWithContext(ctx, "GET", srv.URL, nil)
	second, err := client.Do(req)
	if err != nil {
		fmt.Println(err)
		return
	}
	io.Copy(io.Discard, second.Body)
	second.Body.Close()
	ended.Wait()
	// Unordered output:
	// for limits: false for a dial: true
	// for limits: true for a dial: false
}
