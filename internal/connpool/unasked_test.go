package connpool

import (
	"bufio"
	"crypto/tls"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/warmconn/warmconn/internal/fullsize"
)

// TestNoResponseIsTakenThatNobodyAskedFor: the server appends a second response to each, like
// a server whose queue of responses an attacker has brought out of step. If it comes in one
// piece with the first it is always seen in time. If it comes by itself it may come when the
// next request is under way: then no client can know that it is not the response to that. It
// must be taken for that no more often than by bare net/http.
func TestNoResponseIsTakenThatNobodyAskedFor(t *testing.T) {
	log.SetOutput(io.Discard) // net/http logs each that it sees
	defer log.SetOutput(os.Stderr)
	for _, tt := range []struct {
		name           string
		secure, apart  bool
		requests, full int
	}{
		{"http", false, false, 150, 50_000},
		{"tls", true, false, 40, 5000},
		{"http, apart", false, true, 60, 15_000},
	} {
		t.Run(tt.name, func(t *testing.T) {
			url, base := appending(t, tt.secure, tt.apart)
			n := fullsize.Of(tt.full, tt.requests)
			var wrong, failed [2]int64
			for i, r := range []http.RoundTripper{base, rt{p: newPool(t, base, Options{})}} {
				wrong[i], failed[i] = poisoned(r, url, n)
			}
			t.Logf("of %d responses wrong: bare %d, own %d; errors: bare %d, own %d", n, wrong[0], wrong[1], failed[0], failed[1])
			if !tt.apart && wrong[1] > 0 || failed[1] > failed[0] {
				t.Errorf("%d responses that no request had asked for were taken, %d requests failed", wrong[1], failed[1])
			}
		})
	}
}

// poisoned sends n requests by 8 workers, and counts the responses that belong to another
// request, and the errors.
func poisoned(r http.RoundTripper, url string, n int) (wrong, failed int64) {
	var next, bad, errs atomic.Int64
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for i := next.Add(1); i <= int64(n); i = next.Add(1) {
				path := fmt.Sprintf("/%d", i)
				switch body, err := fetch(r, url+path); {
				case err != nil:
					errs.Add(1)
				case body != path:
					bad.Add(1)
				}
			}
		})
	}
	wg.Wait()
	return bad.Load(), errs.Load()
}

// appending answers each request with its path and with one response more, in one
// write or apart.
func appending(t *testing.T, secure, apart bool) (url string, base *http.Transport) {
	base, url = &http.Transport{MaxIdleConnsPerHost: 8}, "http://"
	var cfg *tls.Config
	if secure {
		cfg, base.TLSClientConfig = newTLS(t)
		url = "https://"
	}
	t.Cleanup(base.CloseIdleConnections)
	return url + script(t, func(_ int, c net.Conn, r *bufio.Reader) {
		if secure {
			c = tls.Server(c, cfg)
			r = bufio.NewReader(c)
		}
		for {
			req := read(r)
			if req == nil {
				return
			}
			answer := fmt.Sprintf("HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s", len(req.URL.Path), req.URL.Path)
			const poison = "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil"
			if !apart {
				io.WriteString(c, answer+poison)
				continue
			}
			io.WriteString(c, answer)
			io.WriteString(c, poison)
		}
	}), base
}
