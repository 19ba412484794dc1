package pool_test

import (
	"fmt"
	"io"
	"net/http"
	"runtime"
	"testing"

	"github.com/warmconn/warmconn/internal/eventually"
	"github.com/warmconn/warmconn/internal/testserver"
	"github.com/warmconn/warmconn/pool"
	"github.com/warmconn/warmconn/roundtripper"
)

func TestCloseIdleConnectionsReachesAllBases(t *testing.T) {
	for _, http2 := range []bool{false, true} {
		t.Run(fmt.Sprintf("http2=%v", http2), func(t *testing.T) {
			srv := testserver.New(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "ok") }), testserver.Options{HTTP2: http2})
			defer srv.Close()
			p := pool.New(pool.Options{})
			defer p.Close()
			clients := []*http.Client{
				{Transport: p.Middleware(srv.Transport())},
				{Transport: p.Middleware(srv.Transport())},
				{Transport: p.Middleware(p.Transport(srv.Transport()))},
				{Transport: p.Transport(srv.Transport())},
			}
			if !http2 {
				clients = append(clients, p.Client())
			}
			for _, c := range clients {
				if err := fetch(c, srv.URL); err != nil {
					t.Fatal(err)
				}
			}
			if n := srv.Open(); n != len(clients) {
				t.Fatalf("%d connections are open, want %d", n, len(clients))
			}
			p.CloseIdleConnections()
			eventually.True(t, "all connections are closed", func() bool { return srv.Open() == 0 })
			for i, c := range clients {
				if err := fetch(c, srv.URL); err != nil {
					t.Error(err)
				}
				if n := srv.Opened(); n != len(clients)+i+1 {
					t.Errorf("%d connections were opened after the request of client %d, want %d", n, i, len(clients)+i+1)
				}
			}
			s := p.Stats()
			// The Pool has seen no request of the client without the Middleware.
			if n := s.Lost[roundtripper.ReasonClosedIdle]; n != uint64(len(clients)-1) {
				t.Errorf("%d connections were lost as closed_idle, want %d: %v", n, len(clients)-1, s.Lost)
			}
			runtime.KeepAlive(clients) // or more are lost so
		})
	}
}

// A connection in use is not closed.
func TestCloseIdleConnectionsLeavesThoseInUse(t *testing.T) {
	srv := testserver.New(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "ok") }), testserver.Options{})
	defer srv.Close()
	p := pool.New(pool.Options{})
	defer p.Close()
	client := &http.Client{Transport: p.Middleware(srv.Transport())}
	resp, err := client.Get(srv.URL)
	if err != nil {
		t.Fatal(err)
	}
	p.CloseIdleConnections()
	if got, err := io.ReadAll(resp.Body); err != nil || string(got) != "ok" {
		t.Errorf("the body in flight: %q, %v", got, err)
	}
	resp.Body.Close()
	eventually.True(t, "it is closed when it comes back", func() bool { return srv.Open() == 0 })
}
