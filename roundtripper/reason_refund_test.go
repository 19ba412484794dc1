package roundtripper_test

import (
	"context"
	"errors"
	"net"
	"net/http"
	"testing"

	"github.com/warmconn/warmconn/internal/testserver"
	"github.com/warmconn/warmconn/pool"
	"github.com/warmconn/warmconn/roundtripper"
)

// A dial that fails is charged with no loss: its request has no connection that could have the
// reason.
func TestLossIsNotPaidByADialThatFails(t *testing.T) {
	srv := testserver.New(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/close" {
			w.Header().Set("Connection", "close")
		}
	}), testserver.Options{})
	defer srv.Close()
	failed := errors.New("no route")
	dials := 0 // one after the other
	base := &http.Transport{DialContext: func(ctx context.Context, network, addr string) (net.Conn, error) {
		if dials++; dials == 2 {
			return nil, failed
		}
		return new(net.Dialer).DialContext(ctx, network, addr)
	}}
	observe, ends := collect()
	p := pool.New(pool.Options{})
	defer p.Close()
	client := roundtripper.Client(&http.Client{Transport: base}, observe, p.Middleware)
	send := func(path string) (roundtripper.Exchange, error) {
		resp, err := client.Get(srv.URL + path)
		if err == nil {
			resp.Body.Close()
		}
		return <-ends, err
	}
	if e, err := send("/close"); err != nil || e.LostReason != "server_close" {
		t.Fatalf("lost for %q, %v", e.LostReason, err)
	}
	if _, err := send("/"); !errors.Is(err, failed) {
		t.Fatalf("got %v, want %v", err, failed)
	}
	if e, err := send("/"); err != nil || e.NewReason != "server_close" {
		t.Errorf("new for %q, %v; want server_close", e.NewReason, err)
	}
}
