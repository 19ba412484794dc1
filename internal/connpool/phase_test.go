package connpool

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/url"
	"sync"
	"sync/atomic"
	"testing"
)

// TestEveryEdgeOfAnExchangeOccurs. NewPool fails on an edge that is not in the table.
func TestEveryEdgeOfAnExchangeOccurs(t *testing.T) {
	var mu sync.Mutex
	var seen [phases][phases]bool
	pool := func(base *http.Transport) *Pool {
		p := newPool(t, base, Options{})
		table := p.onEntryEdge
		p.onEntryEdge = func(from, to phase) {
			mu.Lock()
			seen[from][to] = true
			mu.Unlock()
			table(from, to)
		}
		return p
	}
	// The first hop hangs up on its second request, which is sent again; by then Proxy
	// returns another answer.
	var requests, answers atomic.Int32
	s, base := serve(t, "http", func(w http.ResponseWriter, r *http.Request) {
		if requests.Add(1) == 2 {
			panic(http.ErrAbortHandler)
		}
		io.WriteString(w, "hello")
	})
	at, err := url.Parse(s.URL)
	if err != nil {
		t.Fatal(err)
	}
	base.Proxy = func(*http.Request) (*url.URL, error) {
		switch answers.Add(1) {
		case 1, 2:
			return at, nil
		case 4:
			return nil, errors.New("no proxy")
		}
		return nil, nil
	}
	p := pool(base)
	must(t, rt{p: p}, s.URL)
	must(t, rt{p: p}, s.URL)
	if n := answers.Load(); n != 3 {
		t.Errorf("Proxy was asked %d times, want 3", n)
	}
	if _, err := fetch(rt{p: p}, s.URL); err == nil {
		t.Error("no error, though Proxy gave one")
	}
	// A dial fails, and a body is closed unread.
	long, base := serve(t, "http", half)
	if _, err := fetch(rt{p: pool(base)}, "http://127.0.0.1:1/"); err == nil {
		t.Error("no error, though there is no server")
	}
	resp, err := openGet(context.Background(), rt{p: pool(base)}, long.URL)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	for from := range phases {
		for to := range phases {
			if entryEdges[from][to] && !seen[from][to] {
				t.Errorf("edge %v to %v is in the table and does not occur", from, to)
			}
		}
	}
}
