package pool_test

import (
	"crypto/tls"
	"fmt"
	"io"
	"net/http"
	"sync"
	"testing"
	"weak"

	"github.com/warmconn/warmconn/internal/eventually"
	"github.com/warmconn/warmconn/internal/testserver"
	"github.com/warmconn/warmconn/pool"
)

// named starts a server that answers with the name for which TLS asked, and the protocol.
func named(t *testing.T, http2 bool) *testserver.Server {
	srv := testserver.New(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprint(w, r.TLS.ServerName, " ", r.Proto)
	}), testserver.Options{TLS: true, HTTP2: http2})
	t.Cleanup(srv.Close)
	return srv
}

func text(t *testing.T, c *http.Client, url string) string {
	resp, err := c.Get(url)
	if err != nil {
		t.Error(err)
		return ""
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Error(err)
	}
	return string(b)
}

// naming returns base's configuration, for another name.
func naming(base *http.Transport, name string) *tls.Config {
	cfg := base.TLSClientConfig.Clone()
	cfg.ServerName, cfg.InsecureSkipVerify = name, true
	return cfg
}

func TestCloseIdleConnectionsTakesAReplacedTLSConfigOver(t *testing.T) {
	for _, http2 := range []bool{false, true} {
		for _, kit := range []bool{false, true} {
			t.Run(fmt.Sprintf("http2=%v/kit=%v", http2, kit), func(t *testing.T) {
				srv := named(t, http2)
				base := srv.Transport()
				p := pool.New(pool.Options{})
				defer p.Close()
				c := &http.Client{Transport: base}
				if kit {
					c.Transport = p.Middleware(base)
				}
				defer base.CloseIdleConnections()
				proto := " HTTP/1.1"
				if http2 {
					proto = " HTTP/2.0"
				}
				text(t, c, srv.URL)
				for _, name := range []string{"one.example", "two.example"} {
					base.TLSClientConfig = naming(base, name)
					base.CloseIdleConnections()
					p.CloseIdleConnections()
					for range 2 {
						if got := text(t, c, srv.URL); got != name+proto {
							t.Errorf("the server was asked for %q, want %q", got, name+proto)
						}
					}
				}
				if n := srv.Opened(); n != 3 {
					t.Errorf("%d connections, want one for each configuration", n)
				}
				p.CloseIdleConnections() // nothing has changed
				if got := text(t, c, srv.URL); got != "two.example"+proto {
					t.Errorf("the server was asked for %q", got)
				}
			})
		}
	}
}

// TestAReplacedTLSConfigIsTakenOverUnderWay, for the race detector: requests, WebSocket
// handshakes and their dials go on, and others close idle connections, too.
func TestAReplacedTLSConfigIsTakenOverUnderWay(t *testing.T) {
	srv := named(t, true)
	base := srv.Transport()
	p := pool.New(pool.Options{})
	defer p.Close()
	c := &http.Client{Transport: p.Middleware(base)}
	stop := make(chan struct{})
	var all sync.WaitGroup
	for i := range 4 {
		all.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				req, _ := http.NewRequest("GET", srv.URL, nil)
				if i == 0 {
					req.Header = http.Header{"Connection": {"Upgrade"}, "Upgrade": {"websocket"}}
				}
				resp, err := c.Do(req)
				if err != nil {
					t.Error(err)
					return
				}
				io.Copy(io.Discard, resp.Body)
				resp.Body.Close()
			}
		})
	}
	for i := range 50 {
		base.TLSClientConfig = naming(base, fmt.Sprintf("host%d.example", i))
		var both sync.WaitGroup
		both.Go(p.CloseIdleConnections)
		both.Go(p.CloseIdleConnections)
		both.Wait()
	}
	close(stop)
	all.Wait()
	eventually.True(t, "a connection by the last configuration", func() bool {
		p.CloseIdleConnections()
		return text(t, c, srv.URL) == "host49.example HTTP/2.0"
	})
}

// TestATransportThatIsGoneIsNotKept: the Pool, which looks at it, holds it weakly.
func TestATransportThatIsGoneIsNotKept(t *testing.T) {
	srv := named(t, false)
	base := srv.Transport()
	p := pool.New(pool.Options{})
	defer p.Close()
	c := &http.Client{Transport: p.Middleware(base)}
	base.TLSClientConfig = naming(base, "one.example")
	p.CloseIdleConnections()
	gone := weak.Make(base)
	base = nil
	eventually.Collected(t, "the collector to find the transport", func() bool {
		return gone.Value() == nil
	})
	p.CloseIdleConnections()
	if got := text(t, c, srv.URL); got != "one.example HTTP/1.1" {
		t.Errorf("the server was asked for %q", got)
	}
}
