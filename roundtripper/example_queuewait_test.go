package roundtripper_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
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
			fmt.Println("for limits:", e.QueueWait >= 20*time.Millisecond, "for a dial:", e.ConnWait-(e.QueueWait-e.PoolWait) > 0)
		},
	}), pool.New(pool.Options{}).Middleware)
	defer client.CloseIdleConnections()
	first, err := client.Get(srv.URL)
	if err != nil {
		fmt.Println(err)
		return
	}
	ended := make(chan struct{})
	time.AfterFunc(100*time.Millisecond, func() {
		defer close(ended)
		io.Copy(io.Discard, first.Body)
		first.Body.Close()
	})
	if _, err := read(client, srv.URL); err != nil {
		fmt.Println(err)
	}
	<-ended
	// Unordered output:
	// for limits: false for a dial: true
	// for limits: true for a dial: false
}
