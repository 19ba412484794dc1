package connpool

import (
	"bufio"
	"context"
	"crypto/tls"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"runtime"
	"sync"
	"testing"
	"time"
)

// TestALimitIsNotReadWhileStreamsBegin: net/http does not say in one moment how many streams are in flight and how
// many are available. This server sends no SETTINGS, so that no limit must be taken for its own
// while streams begin and end.
func TestALimitIsNotReadWhileStreamsBegin(t *testing.T) {
	cfg, client := newTLS(t)
	cfg.NextProtos = []string{"h2"}
	addr := script(t, func(_ int, nc net.Conn, _ *bufio.Reader) {
		c := tls.Server(nc, cfg)
		io.Copy(io.Discard, c)
	})
	p := newPool(t, &http.Transport{TLSClientConfig: client, ForceAttemptHTTP2: true}, Options{})
	ctx, stop := context.WithCancel(t.Context())
	var all sync.WaitGroup
	defer all.Wait()
	defer stop()
	gone := make(chan struct{})
	all.Go(func() {
		defer close(gone)
		for range 300 {
			ctx, cancel := context.WithCancel(ctx)
			hooks := &httptrace.ClientTrace{WroteHeaders: cancel}
			if resp, err := openGet(httptrace.WithClientTrace(ctx, hooks), rt{p: p}, "https://"+addr); err == nil {
				resp.Body.Close()
				t.Error("an answer of a server that gives none")
			}
			cancel()
		}
	})
	for looks := 0; ; looks++ {
		select {
		case <-gone:
			t.Logf("%d looks", looks)
			return
		default:
			runtime.Gosched() // with one processor, the requests' turn comes late otherwise
		}
		p.hosts.each(func(h *Host) {
			h.mu.Lock()
			defer h.unlock()
			for _, rt := range h.allRoutes() {
				for _, c := range rt.shared {
					c.lookLocked(time.Now())
					if c.limit.settled && ctx.Err() == nil {
						t.Errorf("after %d looks the server's limit seems to be %d", looks, c.limit.most)
						stop()
					}
				}
			}
		})
	}
}
