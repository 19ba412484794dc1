package connpool

import (
	"bufio"
	"context"
	"crypto/tls"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"sync"
	"testing"
	"time"
)

// lateSettings is an HTTP/2 server that allows one stream, and is late to say so on its
// first connection: not before tell is closed. It answers nothing there.
func lateSettings(t *testing.T, tell, told chan struct{}) (url string, base *http.Transport) {
	cfg, client := newTLS(t)
	cfg.NextProtos = []string{"h2"}
	addr := script(t, func(n int, nc net.Conn, _ *bufio.Reader) {
		c := tls.Server(nc, cfg)
		h := &h2{Conn: c, r: bufio.NewReader(c)}
		if _, err := io.CopyN(io.Discard, h.r, int64(len("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"))); err != nil {
			return
		}
		if n == 1 {
			h.request()
			<-tell
		}
		h.frame(4, 0, 0, []byte{0, 3, 0, 0, 0, 1}) // SETTINGS: one stream
		h.frame(4, 1, 0, nil)
		if n == 1 {
			h.until(func(kind, flags byte) bool { return kind == 4 && flags == 1 })
			close(told)
		}
		for stream := h.request(); stream != 0; stream = h.request() {
			if n > 1 {
				h.answer(stream)
			}
		}
	})
	return "https://" + addr, &http.Transport{TLSClientConfig: client, ForceAttemptHTTP2: true}
}

// TestNoRequestHangsForGoodThoughTheSettingsAreLate: they come more than a round trip after
// the handshake, when the second request has its connection.
func TestNoRequestHangsForGoodThoughTheSettingsAreLate(t *testing.T) {
	t.Parallel() // it waits
	for _, own := range []bool{false, true} {
		tell, told := make(chan struct{}), make(chan struct{})
		url, base := lateSettings(t, tell, told)
		var r http.RoundTripper = base
		if own {
			r = rt{p: newPool(t, base, Options{})}
		}
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		first := send(ctx, r, url)
		<-time.After(2 * gateMost) // the connection is there, the SETTINGS are not
		tellNow := sync.OnceFunc(func() {
			close(tell)
			select {
			case <-told:
			case <-ctx.Done():
			}
		})
		hooks := &httptrace.ClientTrace{GotConn: func(httptrace.GotConnInfo) { tellNow() }}
		if err := <-send(httptrace.WithClientTrace(ctx, hooks), r, url); err != nil {
			t.Errorf("own %v: it waits behind the first for good: %v", own, err)
		}
		cancel()
		<-first
		tellNow()
	}
}
