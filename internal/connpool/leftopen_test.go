package connpool

import (
	"context"
	"net"
	"net/http"
	"net/http/httptrace"
	"testing"

	"github.com/warmconn/warmconn/internal/eventually"
)

// opensNone waits until the pool has no connection, nor dials one.
func opensNone(t *testing.T, p *Pool) {
	t.Helper()
	eventually.True(t, "all connections to be closed", func() bool { return remains(p) == "" })
}

// TestWhoAsksForTheEndOfASharedConnectionAndGivesUpLeavesItToBeClosed: the first request that
// waits says Close, which takes the connection out of use when the request is given it.
func TestWhoAsksForTheEndOfASharedConnectionAndGivesUpLeavesItToBeClosed(t *testing.T) {
	s, base := serve(t, "h2", hello)
	d := newDialer(base)
	p := newPool(t, base, Options{})
	ctx, cancel := context.WithCancel(context.Background())
	ctx = httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{GotConn: func(httptrace.GotConnInfo) { cancel() }})
	gaveUp := make(chan error)
	go func() {
		req, _ := http.NewRequestWithContext(ctx, "GET", s.URL, nil)
		req.Close = true
		_, err := rt{p: p}.RoundTrip(req) // it has sent nothing
		gaveUp <- err
	}()
	waitWaiting(t, p, 1)
	var others []<-chan error
	for n := range 2 {
		others = append(others, send(context.Background(), rt{p: p}, s.URL))
		waitWaiting(t, p, n+2)
	}
	d.open(t)
	if err := <-gaveUp; err == nil {
		t.Error("the first has got a response")
	}
	for _, done := range others {
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
	eventually.True(t, "the others' streams to end", func() bool { return inFlight(p) == 0 })
	p.CloseIdleConnections()
	opensNone(t, p)
}

// TestADialThatEndsBehindShutdownLeavesNothingOpen: its request has given up meanwhile.
func TestADialThatEndsBehindShutdownLeavesNothingOpen(t *testing.T) {
	for _, protocol := range protocols {
		t.Run(protocol, func(t *testing.T) {
			s, base := serve(t, protocol, hello)
			begun, goOn := make(chan struct{}), make(chan struct{})
			base.DialContext = func(_ context.Context, network, addr string) (net.Conn, error) {
				close(begun)
				<-goOn // like a dialer that does not heed its context
				return s.Dial(context.Background(), network, addr)
			}
			p := newPool(t, base, Options{})
			ctx, cancel := context.WithCancel(context.Background())
			done := send(ctx, rt{p: p}, s.URL)
			<-begun
			p.Shutdown() // once, like the clean-up of a client that was dropped
			cancel()
			<-done
			close(goOn)
			opensNone(t, p)
		})
	}
}
