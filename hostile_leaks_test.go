package warmconn_test

import (
	"fmt"
	"io"
	"net/http"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/warmconn/warmconn/internal/eventually"
	"github.com/warmconn/warmconn/internal/fullsize"
	"github.com/warmconn/warmconn/internal/testserver"
	"github.com/warmconn/warmconn/pool"
	"github.com/warmconn/warmconn/roundtripper"
)

// collectEvery is after how many leaks the collector runs, as it does by itself in a
// program that has work to do.
const collectEvery = 50

// leak makes a request and drops its response.
//
//go:noinline
func leak(t *testing.T, rt http.RoundTripper, url string) {
	req, err := http.NewRequest("GET", url, nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := rt.RoundTrip(req); err != nil {
		t.Fatal(err)
	}
}

// Bodies that a program forgets cost a connection each until the collector has found
// them; with bare net/http they cost it for good.
func TestLeakedBodiesStayFew(t *testing.T) {
	for _, row := range []struct {
		name        string
		full, quick int
		server      testserver.Options
		path        string // of the server's
		url         func(srv *testserver.Server, i int) string
	}{
		{"bodies that end", 100_000, 300, testserver.Options{}, "/", func(srv *testserver.Server, _ int) string { return srv.URL }},
		// In memory, for connections that are closed keep their ports for a minute.
		{"bodies that hang", 100_000, 300, testserver.Options{Memory: true}, "/hang", func(*testserver.Server, int) string { return "http://host.example" }},
		{"bodies that hang, each of a host of its own", 20_000, 300, testserver.Options{Memory: true}, "/hang", func(_ *testserver.Server, i int) string {
			return fmt.Sprintf("http://host%d.example", i)
		}},
	} {
		t.Run(row.name, func(t *testing.T) {
			n := fullsize.Of(row.full, row.quick)
			srv := testserver.New(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				io.WriteString(w, strings.Repeat("x", 100))
				if r.URL.Path == "/hang" {
					w.(http.Flusher).Flush()
					<-r.Context().Done()
				}
			}), row.server)
			defer srv.Close()
			var told atomic.Int64
			run := func(rt http.RoundTripper, n int, heeds bool) (peak, left used) {
				before := usedNow()
				for i := range n {
					leak(t, rt, row.url(srv, i)+row.path)
					if i%collectEvery == 0 {
						if heeds && !fullsize.Asked() { // so few leaks may all come before a busy machine has heeded the first
							eventually.Collected(t, "leaks to be told", func() bool { return told.Load() >= int64(i-collectEvery) })
						} else {
							runtime.GC()
						}
					}
					if sampled(i, n) {
						peak = peak.max(usedNow().since(before))
					}
				}
				return peak, usedNow().since(before)
			}
			// Few enough for the limit of descriptors.
			some := min(n, 100)
			base := srv.Transport()
			_, lost := run(base, some, false)
			srv.CloseClientConnections()
			eventually.True(t, "bare net/http's connections to be closed", func() bool { return srv.Open() == 0 })
			base.CloseIdleConnections()

			kit, series := meteredKit(pool.Options{OnLeak: func(pool.Leak) { told.Add(1) }})
			base = srv.Transport()
			rt := roundtripper.Wrap(base, kit.Middleware)
			peak, _ := run(rt, n, true)
			began := time.Now()
			eventually.Collected(t, "all leaks to be told", func() bool { return told.Load() == int64(n) })
			healed := time.Since(began)
			s := kit.Stats()
			t.Logf("%d leaked %s: kit at most %v, %d series, %d connections left, healed %v after the last; bare after %d %v, for good",
				n, row.name, peak, series(t), s.Open, healed.Round(time.Millisecond), some, lost)
			// Half of what all of them would hold with bare net/http, and a few collections' worth: how
			// soon the collector's word is heeded is up to a busy machine.
			most := func(bare int) int { return min(bare*n/some/2, 80*collectEvery) }
			if peak.goroutines > most(lost.goroutines) || lost.sockets > some && peak.sockets > most(lost.sockets) || peak.heap > 128<<20 {
				t.Errorf("kit %v", peak)
			}
			if s.InUse != 0 || s.Leaks != uint64(n) {
				t.Errorf("%d slots in use, %d leaks of %d", s.InUse, s.Leaks, n)
			}
			if lost.goroutines < some {
				t.Errorf("bare net/http leaves %d goroutines for %d bodies: is there a difference still?", lost.goroutines, some)
			}
			if err := kit.Shutdown(t.Context()); err != nil {
				t.Error(err)
			}
			eventually.True(t, "the kit's connections to be closed", func() bool { return srv.Open() == 0 })
			runtime.KeepAlive(rt)
		})
	}
}
