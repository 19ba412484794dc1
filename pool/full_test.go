package pool_test

import (
	"io"
	"net/http"
	"testing"

	"github.com/warmconn/warmconn/internal/testserver"
	"github.com/warmconn/warmconn/pool"
)

// A request that comes while all streams of a connection are in use asks the connection once,
// and then goes elsewhere or waits.
func TestFullHTTP2ConnectionIsLookedAtOnce(t *testing.T) {
	const streams = 2
	goOn := make(chan struct{})
	srv := testserver.New(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		io.WriteString(w, "half")
		w.(http.Flusher).Flush()
		if r.URL.Path == "/held" {
			<-goOn
		}
	}), testserver.Options{HTTP2: true, Config: func(s *http.Server) { s.HTTP2 = &http.HTTP2Config{MaxConcurrentStreams: streams} }})
	defer srv.Close()
	defer close(goOn)
	p := pool.New(pool.Options{})
	defer p.Close()
	client := &http.Client{Transport: p.Middleware(srv.Transport())}
	if err := fetch(client, srv.URL); err != nil { // the server's limit is known
		t.Fatal(err)
	}
	for range streams {
		resp, err := client.Get(srv.URL + "/held")
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
	}
	done := make(chan error)
	go func() { done <- fetch(client, srv.URL) }()
	if err := within(t, done); err != nil {
		t.Error(err)
	}
}
