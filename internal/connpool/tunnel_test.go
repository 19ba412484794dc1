package connpool

import (
	"bytes"
	"io"
	"net/http"
	"sync/atomic"
	"testing"
)

// TestAWebSocketHandshakeThroughATunnelGetsHTTP1: in a tunnel net/http makes the handshake
// with the server, by the clone's own configuration, and the server prefers HTTP/2.
func TestAWebSocketHandshakeThroughATunnelGetsHTTP1(t *testing.T) {
	var accepted atomic.Int64
	via := proxy(t, &accepted)
	s, base := serve(t, "h2", func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, r.Proto) })
	base.Proxy = http.ProxyURL(via)
	for name, r := range map[string]http.RoundTripper{"bare": base, "own": rt{p: newPool(t, base, Options{})}} {
		for range 2 {
			if got := must(t, r, s.URL); got != "HTTP/2.0" {
				t.Errorf("%s: an ordinary request went over %s", name, got)
			}
			req, _ := http.NewRequest("GET", s.URL, nil)
			req.Header = http.Header{"Connection": {"Upgrade"}, "Upgrade": {"websocket"}}
			resp, err := r.RoundTrip(req)
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			var body bytes.Buffer
			body.ReadFrom(resp.Body)
			resp.Body.Close()
			if body.String() != "HTTP/1.1" {
				t.Errorf("%s: a handshake went over %s", name, &body)
			}
		}
	}
}
