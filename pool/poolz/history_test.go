package poolz

import (
	"net/http"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/warmconn/warmconn/internal/eventually"
	"github.com/warmconn/warmconn/internal/testserver"
	"github.com/warmconn/warmconn/pool"
)

// Connections that were made ahead, and that no request has had, are not new to one.
func TestReuseIsOfRequestsAndNotOfWhatWasWarmed(t *testing.T) {
	srv := server(t, testserver.Options{})
	p := newPool(t, pool.Options{})
	rt := p.Middleware(srv.Transport())
	if n, err := p.Warm(t.Context(), rt, srv.URL, 20); n != 20 || err != nil {
		t.Fatalf("%d are warm: %v", n, err)
	}
	for range 40 { // one after the other, on one or two of them
		get(t, rt, srv.URL)
	}
	got := read(t, Handler(p), "/")
	runtime.KeepAlive(rt) // the figures of its connections go with it
	for _, f := range []figures{got.Pool, got.Hosts[0].figures} {
		var given uint64
		for _, n := range f.New {
			given += n
		}
		if f.Requests != 40 || f.Opened < 20 || given > 20 || f.Reuse == nil {
			t.Fatalf("%d requests, of which %d had new connections, and %d were opened", f.Requests, given, f.Opened)
		}
		if want := 1 - float64(given)/40; *f.Reuse < want-0.001 || *f.Reuse > want+0.001 {
			t.Errorf("reuse is %v, want %v: %d requests had %d new connections, and %d were opened", *f.Reuse, want, f.Requests, given, f.Opened)
		}
	}
}

// Of a request that is in flight it is not known yet whether its connection was new.
func TestReuseIsOfRequestsThatHaveEnded(t *testing.T) {
	srv := server(t, testserver.Options{})
	p := newPool(t, pool.Options{})
	h := Handler(p).(*handler)
	rt := p.Middleware(srv.Transport())
	var held []*http.Response
	for range 4 {
		resp, err := rt.RoundTrip(to("GET", srv.Addr, "/long"))
		if err != nil {
			t.Fatal(err)
		}
		held = append(held, resp)
	}
	got := read(t, h, "/")
	if got.Pool.Requests != 4 || got.Pool.Reuse != nil || got.Hosts[0].Reuse != nil {
		t.Errorf("%d requests in flight, and their reuse is known: %t, by host %t", got.Pool.Requests, got.Pool.Reuse != nil, got.Hosts[0].Reuse != nil)
	}
	for _, resp := range held {
		resp.Body.Close()
	}
	eventually.True(t, "they have ended", func() bool {
		got = read(t, h, "/")
		return got.Pool.InUse == 0 && got.Pool.Reuse != nil && *got.Pool.Reuse == 0
	})
}

// A Pool of very many hosts is asked more seldom: its history is of five minutes all the same,
// and the picture has each point at its time.
func TestHistoryIsOfFiveMinutesHoweverFarApartItsPointsAre(t *testing.T) {
	var r ring
	now := time.Unix(0, 0)
	var n totals
	for range ringLen {
		now = now.Add(10 * time.Second)
		n.requests += 50
		r.add(now, n)
	}
	all := r.list()
	if len(all) != 30 || all[0].requestsPerSecond() != 5 || now.Sub(all[0].at) != historyFor-10*time.Second {
		t.Fatalf("%d points, the first %v before the last", len(all), now.Sub(all[0].at))
	}
	var m markup
	m.spark(all[15:], 300, 10) // the last two and a half minutes
	if text := m.String(); !strings.Contains(text, "over 2\u202fmin") || !strings.Contains(text, `points="160,10 160,1 170,1 `) {
		t.Errorf("the picture is %s", text)
	}
}

// Points are as far apart as it happens, and where no request got a connection again that is no
// request, and not a very small part of them.
func TestReuseOfNothingIsZero(t *testing.T) {
	for ns := range 2000 {
		var r ring
		var n totals
		now := time.Unix(0, 0)
		r.add(now, n)
		for i := range 3 {
			now = now.Add(tickEvery + time.Duration(ns*7919+i))
			n.requests, n.ended, n.new = n.requests+20, n.ended+20, n.new+20
			r.add(now, n)
		}
		f := figuresOf(&pool.Counters{}, n, nil, nil, r.list())
		if f.ReuseRecent == nil {
			t.Fatal("reuse is not known")
		}
		if *f.ReuseRecent != 0 {
			t.Fatalf("points %v apart: reuse is %v", tickEvery+time.Duration(ns*7919), *f.ReuseRecent)
		}
	}
}
