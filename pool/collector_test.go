package pool_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net/http"
	"path"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/warmconn/warmconn/drain"
	"github.com/warmconn/warmconn/internal/eventually"
	"github.com/warmconn/warmconn/internal/fullsize"
	"github.com/warmconn/warmconn/internal/testserver"
	"github.com/warmconn/warmconn/pool"
	"github.com/warmconn/warmconn/roundtripper"
)

const paragraph = 2000

// framed answers in the framing that the path names. /hang waits for goOn.
func framed(goOn <-chan struct{}) http.HandlerFunc {
	text := strings.Repeat("x", paragraph)
	var zipped bytes.Buffer // once: a gzip.Writer is large
	z := gzip.NewWriter(&zipped)
	io.WriteString(z, text)
	z.Close()
	return func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/length":
			w.Header().Set("Content-Length", fmt.Sprint(paragraph))
		case "/chunked":
			w.(http.Flusher).Flush()
		case "/gzip":
			w.Header().Set("Content-Encoding", "gzip")
			w.Write(zipped.Bytes())
			return
		case "/hang":
			w.(http.Flusher).Flush()
			select {
			case <-goOn:
			case <-r.Context().Done():
			}
		}
		io.WriteString(w, text)
	}
}

// protocols calls f for each protocol, with a server and a function that makes transports to
// it.
func protocols(t *testing.T, h http.Handler, f func(t *testing.T, srv *testserver.Server, base func() *http.Transport)) {
	for name, o := range map[string]testserver.Options{"plain": {}, "tls": {TLS: true}, "http2": {HTTP2: true}} {
		t.Run(name, func(t *testing.T) {
			srv := testserver.New(h, o)
			defer srv.Close()
			sessions := tls.NewLRUClientSessionCache(0) // full handshakes would take most of the time
			f(t, srv, func() *http.Transport {
				base := srv.Transport()
				if base.TLSClientConfig != nil {
					base.TLSClientConfig.ClientSessionCache = sessions
				}
				base.MaxIdleConnsPerHost = 1000
				return base
			})
		})
	}
}

// leaks counts the dropped bodies that the layers report.
type leaks struct {
	client   *http.Client
	pool     *pool.Pool // nil in a stack without
	observed atomic.Int32
	lost     atomic.Int32 // their connections
	reported atomic.Int32
	ends     atomic.Int32
}

func newLeaks(base *http.Transport, timeout time.Duration, pooled bool) *leaks {
	l := new(leaks)
	mw := []roundtripper.Middleware{roundtripper.Observe(roundtripper.Observer{End: func(_ context.Context, e roundtripper.Exchange) {
		l.ends.Add(1)
		if e.Leaked {
			if !e.Returned {
				l.lost.Add(1)
			}
			l.observed.Add(1)
		}
	}})}
	if pooled {
		l.pool = pool.New(pool.Options{OnLeak: func(pool.Leak) { l.reported.Add(1) }})
		mw = append(mw, drain.New(drain.Options{}).Middleware, l.pool.Middleware)
	}
	l.client = roundtripper.Client(&http.Client{Transport: base, Timeout: timeout}, mw...)
	return l
}

// found collects until n dropped bodies have been found.
func (l *leaks) found(t *testing.T, n int) {
	t.Helper()
	tries := 0
	eventually.True(t, fmt.Sprintf("%d leaks", n), func() bool {
		if int(l.observed.Load()) >= n && (l.pool == nil || int(l.reported.Load()) >= n) {
			return true
		}
		if tries++; tries%8 == 1 {
			runtime.GC()
		}
		return false
	})
	if got := int(l.observed.Load()); got != n {
		t.Fatalf("%d leaks of %d dropped bodies", got, n)
	}
	if got := int(l.reported.Load()); l.pool != nil && got != n {
		t.Fatalf("%d leaks reported of %d dropped bodies", got, n)
	}
}

// parents are the contexts that a request may have, and other things that may hold it.
var parents = []struct {
	name    string
	timeout time.Duration
	of      func(long context.Context) (context.Context, context.CancelFunc)
}{
	{"background", 0, func(context.Context) (context.Context, context.CancelFunc) { return context.Background(), func() {} }},
	{"Client.Timeout", time.Minute, func(context.Context) (context.Context, context.CancelFunc) { return context.Background(), func() {} }},
	{"a parent that lives on", 0, func(long context.Context) (context.Context, context.CancelFunc) { return long, func() {} }},
	{"WithTimeout", 0, func(long context.Context) (context.Context, context.CancelFunc) {
		return context.WithTimeout(long, time.Minute)
	}},
	{"WithoutCancel", 0, func(long context.Context) (context.Context, context.CancelFunc) {
		return context.WithoutCancel(long), func() {}
	}},
}

// TestEveryDroppedBodyIsFound: neither net/http nor a context nor a timeout may reach the body
// that the caller has dropped.
func TestEveryDroppedBodyIsFound(t *testing.T) {
	t.Parallel()
	n := fullsize.Of(100, 10)
	batch := n / 2
	protocols(t, framed(nil), func(t *testing.T, srv *testserver.Server, base func() *http.Transport) {
		turn := map[string]int{"plain": 0, "tls": 1, "http2": 2}[path.Base(t.Name())]
		for i, parent := range parents {
			for j, framing := range []string{"length", "chunked", "gzip"} {
				for k, pooled := range []bool{false, true} {
					if !fullsize.Asked() && (i+2*j+3*k+turn)%6 != 0 {
						continue // each parent once, with another framing and pool or none for each protocol
					}
					t.Run(fmt.Sprintf("%s/%s/pool=%v", parent.name, framing, pooled), func(t *testing.T) {
						l := newLeaks(base(), parent.timeout, pooled)
						long, end := context.WithCancel(t.Context())
						defer end()
						before := srv.Opened()
						for i := range n {
							ctx, cancel := parent.of(long)
							defer cancel() // not before all are found
							dropOne(t, l.client, ctx, srv.URL+"/"+framing)
							if (i+1)%batch == 0 {
								l.found(t, i+1)
							}
						}
						// Connections may be lost: a drain holds up no request, and does not last
						// for ever, which on a busy machine it would.
						if got, lost := srv.Opened()-before, int(l.lost.Load()); got > batch+lost || got >= n {
							t.Errorf("%d connections, of which %d were lost, for %d bodies at once: those of leaked bodies were not used again", got, lost, batch)
						}
						l.reusable(t, srv)
					})
				}
			}
		}
	})
}

//go:noinline
func dropOne(t *testing.T, client *http.Client, ctx context.Context, url string) {
	req, err := http.NewRequestWithContext(ctx, "GET", url, nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	if resp.StatusCode != 200 {
		t.Fatal(resp.Status)
	}
}

// reusable checks that no slot is taken, that each connection is idle or
// closed, and that the next request finds one.
func (l *leaks) reusable(t *testing.T, srv *testserver.Server) {
	t.Helper()
	if l.pool != nil {
		if s := l.pool.Stats(); s.InUse != 0 || s.Waiting != 0 {
			t.Errorf("%d slots in use and %d waiters, want none", s.InUse, s.Waiting)
		}
		eventually.True(t, "connections to be idle or closed", func() bool { s := l.pool.Stats(); return s.Open == s.Idle })
	}
	opened := srv.Opened()
	if err := get(l.client, srv.URL+"/length"); err != nil {
		t.Fatal(err)
	}
	if got := srv.Opened(); got != opened {
		t.Error("the next request dials")
	}
	eventually.True(t, "all connections to close", func() bool {
		l.client.CloseIdleConnections()
		return srv.Open() == 0
	})
}

// OnLeak may block, and wait for a slot that another leaked body has.
func TestOnLeakThatBlocksHoldsNoOtherSlot(t *testing.T) {
	var open, called atomic.Int32
	goOn := make(chan struct{})
	const n = 20
	p := pool.New(pool.Options{MaxPerHost: n, OnLeak: func(pool.Leak) {
		called.Add(1)
		<-goOn
	}})
	rt := p.Middleware(endless(&open))
	for range n {
		if _, err := send(t.Context(), rt, "host.example"); err != nil {
			t.Fatal(err)
		}
	}
	eventually.Collected(t, "all slots to come back", func() bool {
		return p.Stats().InUse == 0
	})
	eventually.True(t, "all reports", func() bool { return called.Load() == n })
	close(goOn)
}
