package stack

import (
	"io"
	"net/http"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/warmconn/warmconn/internal/eventually"
	"github.com/warmconn/warmconn/internal/ledger"
	"github.com/warmconn/warmconn/internal/testserver"
)

// drains is a layer that drains in the background.
type drains struct{ behind *Background }

func (*drains) End(*Exchange, any, *Facts)          {}
func (*drains) Phase() Phase                        { return Observe }
func (*drains) Describe(ledger.Watch) string        { return "drains" }
func (*drains) Drains() bool                        { return true }
func (d *drains) Background() *Background           { return d.behind }
func (*drains) Budget(*Exchange, DrainInput) Budget { return Budget{Bytes: 1 << 20, Time: time.Minute} }

// TestEveryEdgeOfABodysPhasesOccurs also finds edges that are not in the table.
func TestEveryEdgeOfABodysPhasesOccurs(t *testing.T) {
	hang := make(chan struct{})
	s := testserver.New(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Length", "100000")
		io.WriteString(w, "begins")
		w.(http.Flusher).Flush()
		if r.URL.Path == "/hangs" {
			select {
			case <-hang:
			case <-r.Context().Done():
			}
			return
		}
		w.Write(make([]byte, 100000-len("begins")))
	}), testserver.Options{})
	t.Cleanup(s.Close)
	t.Cleanup(sync.OnceFunc(func() { close(hang) }))

	var mu sync.Mutex
	var seen [bodyPhases][bodyPhases]bool
	edges := func(from, to bodyPhase) int {
		mu.Lock()
		defer mu.Unlock()
		if seen[from][to] {
			return 1
		}
		return 0
	}
	open := func(path string, layer Layer) *http.Response {
		rt := New(s.Transport(), layer).(*Stack)
		rt.pipe.onEdge = func(from, to bodyPhase) {
			mu.Lock()
			defer mu.Unlock()
			seen[from][to] = true
			if !bodyEdges[from][to] {
				t.Errorf("from %v to %v: the table has no such edge", from, to)
			}
		}
		req, _ := http.NewRequest("GET", s.URL+path, nil)
		resp, err := rt.RoundTrip(req)
		if err != nil {
			t.Fatal(err)
		}
		return resp
	}
	ends := &tally{n: make(map[Outcome]int)}
	// Read to the end, and closed twice.
	resp := open("/", ends)
	io.Copy(io.Discard, resp.Body)
	resp.Body.Close()
	resp.Body.Close()
	// Closed under a Read, which goes on in Go 1.27.
	resp = open("/hangs", ends)
	io.ReadFull(resp.Body, make([]byte, len("begins")))
	reads := make(chan struct{})
	go func() {
		defer close(reads)
		resp.Body.Read(make([]byte, 1))
	}()
	body := &resp.Body.(*Body).exchange.body
	eventually.True(t, "the Read to begin", func() bool {
		body.mu.Lock()
		defer body.mu.Unlock()
		return body.inRead
	})
	resp.Body.Close()
	<-reads
	// Drained after Close has returned.
	behind := &Background{Max: 1}
	open("/", &drains{behind}).Body.Close()
	eventually.True(t, "the drain to end", func() bool { return edges(bodyBackground, bodyClosed) > 0 })
	// The same, and broken off.
	open("/hangs", &drains{behind}).Body.Close()
	behind.Close()
	eventually.True(t, "the drain to be broken off", func() bool { return edges(bodyBrokenOff, bodyClosed) > 0 })
	// Dropped.
	open("/", ends)
	eventually.Collected(t, "the dropped body to be found", func() bool {
		return ends.of(OutcomeLeaked) > 0
	})
	for from := range bodyPhases {
		for to := range bodyPhases {
			if bodyEdges[from][to] && edges(from, to) == 0 && (to != bodyLeft || nativeDrain && closesUnderRead(runtime.Version())) {
				t.Errorf("the edge from %v to %v does not occur", from, to)
			}
		}
	}
}
