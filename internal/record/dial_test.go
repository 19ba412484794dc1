package record

import (
	"context"
	"net"
	"net/http"
	"net/http/httptrace"
	"sync/atomic"
	"testing"

	"github.com/warmconn/warmconn/internal/testserver"
)

func TestWhatADialerRequestsByItselfIsNotTakenForTheExchange(t *testing.T) {
	srv := testserver.New(http.NotFoundHandler(), testserver.Options{})
	defer srv.Close()
	base := &http.Transport{DialContext: func(ctx context.Context, network, addr string) (net.Conn, error) {
		r, ctx := FromDial(ctx)
		if r == nil {
			t.Error("the dial does not show its record")
		}
		if r, _ := FromDial(ctx); r != nil {
			t.Error("the dialer's own context shows the record")
		}
		if httptrace.ContextClientTrace(ctx) != nil {
			t.Error("the dialer's own context has the hooks of the exchange")
		}
		return new(net.Dialer).DialContext(ctx, network, addr)
	}}
	rt := New(base, new(keep))
	defer base.CloseIdleConnections()
	var connects atomic.Int32
	ctx := httptrace.WithClientTrace(t.Context(), &httptrace.ClientTrace{ConnectStart: func(string, string) { connects.Add(1) }})
	req, _ := http.NewRequestWithContext(ctx, "GET", srv.URL, nil)
	resp, err := rt.RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if n := connects.Load(); n != 1 {
		t.Errorf("the caller's hook for connects ran %d times, want 1", n)
	}
}
