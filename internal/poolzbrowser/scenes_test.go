package poolzbrowser

import (
	"context"
	"io"
	"net"
	"net/http"
	"runtime"
	"testing"
	"time"

	"github.com/warmconn/warmconn/internal/eventually"
	"github.com/warmconn/warmconn/internal/testserver"
	"github.com/warmconn/warmconn/pool"
	"github.com/warmconn/warmconn/roundtripper"
)

// world is a Pool, and a server that has many names.
type world struct {
	t    *testing.T
	srv  *testserver.Server
	pool *pool.Pool
}

func newWorld(t *testing.T, o pool.Options) *world {
	t.Helper()
	w := &world{t: t, pool: pool.New(o), srv: testserver.New(http.HandlerFunc(answer), testserver.Options{})}
	t.Cleanup(w.srv.Close)
	t.Cleanup(func() { w.pool.Close() })
	return w
}

// answer is short, but for /long, which nothing could drain, and /slow, which takes as long
// as its query says.
func answer(w http.ResponseWriter, r *http.Request) {
	switch r.URL.Path {
	case "/long":
		w.Header().Set("Content-Length", "1000000000")
		w.Write(make([]byte, 4096))
		w.(http.Flusher).Flush()
		<-r.Context().Done()
	case "/slow":
		d, _ := time.ParseDuration(r.URL.Query().Get("for"))
		select {
		case <-time.After(d):
		case <-r.Context().Done():
		}
		fallthrough
	default:
		io.WriteString(w, "hello\n")
	}
}

// transport leads all names to the server.
func (w *world) transport() *http.Transport {
	return &http.Transport{DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
		return w.srv.Dial(ctx, network, w.srv.Addr)
	}}
}

// client is one that lives as long as the test: the connections of a client that is
// collected are closed, and the page forgets how its base is watched.
func (w *world) client(base http.RoundTripper) *http.Client {
	c := w.dropped(base)
	w.t.Cleanup(func() { runtime.KeepAlive(c) })
	return c
}

// dropped is one that goes with its last request.
func (w *world) dropped(base http.RoundTripper) *http.Client {
	return &http.Client{Transport: w.pool.Middleware(base)}
}

func (w *world) get(c *http.Client, url string) {
	w.t.Helper()
	resp, err := c.Get(url)
	if err != nil {
		w.t.Fatal(err)
	}
	io.Copy(io.Discard, resp.Body)
	resp.Body.Close()
}

// I1: bodies closed unread.
func (w *world) closesUnread(n int) {
	c := w.client(w.transport())
	for range n {
		resp, err := c.Get("http://unread.example/long")
		if err != nil {
			w.t.Fatal(err)
		}
		resp.Body.Close()
	}
}

// I2: bodies never closed.
func (w *world) neverCloses(n int) {
	c := w.client(w.transport())
	for range n {
		if _, err := c.Get("http://leaks.example/"); err != nil {
			w.t.Fatal(err)
		}
	}
	runtime.GC()
	runtime.GC()
}

// I3: an idle pool of two, where pool can't keep more: it does not own the connections.
func (w *world) keepsTwo(rounds int) {
	base := w.transport()
	c := w.client(roundtripper.Func(base.RoundTrip))
	defer base.CloseIdleConnections()
	for range rounds {
		var open []io.ReadCloser
		for range 8 {
			resp, err := c.Get("http://idle-pool.example/")
			if err != nil {
				w.t.Fatal(err)
			}
			open = append(open, resp.Body)
		}
		for _, body := range open {
			io.Copy(io.Discard, body)
			body.Close()
		}
	}
}

// I4: a transport for each request.
func (w *world) makesTransports(n int) {
	open := w.pool.Stats().Open
	for range n {
		w.fetch("http://transports.example/")
		eventually.Collected(w.t, "the transport to be collected", func() bool { return w.pool.Stats().Open <= open })
	}
}

func (w *world) fetch(url string) { w.get(w.dropped(w.transport()), url) }

// I5: keep-alive switched off.
func (w *world) keepsNone(n int) {
	base := w.transport()
	base.DisableKeepAlives = true
	c := w.client(base)
	for range n {
		w.get(c, "http://no-keep-alive.example/")
	}
}
