package pool_test

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"reflect"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/warmconn/warmconn/internal/stub"
	"github.com/warmconn/warmconn/internal/testserver"
	"github.com/warmconn/warmconn/pool"
	"github.com/warmconn/warmconn/roundtripper"
)

// tooLong answers with a body that is too long to be drained.
func tooLong(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Length", "1000000000")
	w.Write(make([]byte, 4096))
}

// unread closes the body unread.
func unread(t testing.TB, c *http.Client, url string) {
	resp, err := c.Get(url)
	if err != nil {
		t.Error(err)
		return
	}
	resp.Body.Close()
}

// sumsOf are the connections of each reason.
func sumsOf(all []pool.NewConns) map[roundtripper.NewReason]uint64 {
	sums := make(map[roundtripper.NewReason]uint64)
	for _, n := range all {
		sums[n.Reason] += n.Conns
	}
	return sums
}

func TestNewConnectionsAreCountedByTheCallSiteThatCostThem(t *testing.T) {
	srv := testserver.New(http.HandlerFunc(tooLong), testserver.Options{TLS: true})
	defer srv.Close()
	p := pool.New(pool.Options{})
	defer p.Close()
	client := roundtripper.Client(&http.Client{Transport: srv.Transport()}, p.Middleware)
	for range 5 {
		unread(t, client, srv.URL)
	}
	all := p.Stats().NewByCaller
	if len(all) != 2 {
		t.Fatalf("got %+v, want the first one and those by one caller", all)
	}
	for _, n := range all {
		switch n.Reason {
		case roundtripper.ReasonFirst:
			if n.Conns != 1 || n.Caller != "" || n.Frames() != nil {
				t.Errorf("got %+v, want one that is no request's fault", n)
			}
		case roundtripper.ReasonBodyUnread:
			if n.Conns != 4 || !strings.HasSuffix(n.Caller, "pool_test.unread") || n.Host != srv.URL || n.Time <= 0 {
				t.Errorf("got %+v, want 4 by unread, to %s, that took their time", n, srv.URL)
			}
			if frames := n.Frames(); len(frames) == 0 || frames[0].Function == "" {
				t.Errorf("got the frames %v", frames)
			}
		default:
			t.Errorf("got %+v", n)
		}
	}
	if all[0].Time < all[1].Time {
		t.Errorf("%+v comes first, want the dearest", all[0])
	}
}

// Of a dial the fake clock shows each part.
func TestNewConnectionsCostWhatMakingThemTook(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv := testserver.New(http.HandlerFunc(tooLong), testserver.Options{Memory: true})
		defer srv.Close()
		base := srv.Transport()
		base.DialContext = func(ctx context.Context, network, addr string) (net.Conn, error) {
			time.Sleep(30 * time.Millisecond)
			return srv.Dial(ctx, network, addr)
		}
		p := pool.New(pool.Options{})
		defer p.Close()
		client := &http.Client{Transport: p.Middleware(base)}
		defer client.CloseIdleConnections() // see inBubble
		for range 3 {
			unread(t, client, srv.URL)
		}
		synctest.Wait()
		for _, n := range p.Stats().NewByCaller {
			if want := time.Duration(n.Conns) * 30 * time.Millisecond; n.Time != want {
				t.Errorf("%d connections of %s have taken %v, want %v", n.Conns, n.Reason, n.Time, want)
			}
		}
	})
}

// What costs a connection again and again is found, however late it begins.
func TestNewConnectionsOfALateCulpritHaveTheirCallSite(t *testing.T) {
	srv := testserver.New(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/long" {
			tooLong(w, r)
		}
	}), testserver.Options{Memory: true})
	defer srv.Close()
	p := pool.New(pool.Options{})
	defer p.Close()
	client := &http.Client{Transport: p.Middleware(srv.Transport())}
	for range 1000 { // past the first stacks
		if err := get(client, srv.URL); err != nil {
			t.Fatal(err)
		}
	}
	const n = 200
	for range n {
		unread(t, client, srv.URL+"/long")
	}
	placed := uint64(0)
	for _, c := range p.Stats().NewByCaller {
		if strings.HasSuffix(c.Caller, "pool_test.unread") {
			placed += c.Conns
		}
	}
	if placed < n*2/3 {
		t.Errorf("the call site of %d of %d is known, want two thirds", placed, n)
	}
}

// A Pool above and below a middleware has two exchanges for a request, and one connection.
func TestNewConnectionIsCountedOnceOnBothSidesOfAMiddleware(t *testing.T) {
	srv := testserver.New(http.HandlerFunc(tooLong), testserver.Options{})
	defer srv.Close()
	for name, middleware := range map[string]roundtripper.Middleware{
		"known":   func(next http.RoundTripper) http.RoundTripper { return honest{sdk{next, func(*http.Request) {}}} },
		"unknown": func(next http.RoundTripper) http.RoundTripper { return sdk{next, func(*http.Request) {}} },
	} {
		p := pool.New(pool.Options{})
		client := &http.Client{Transport: roundtripper.Wrap(srv.Transport(), p.Middleware, middleware, p.Middleware)}
		for range 4 {
			unread(t, client, srv.URL)
		}
		want := map[roundtripper.NewReason]uint64{roundtripper.ReasonFirst: 1, roundtripper.ReasonBodyUnread: 3}
		if got := sumsOf(p.Stats().NewByCaller); !reflect.DeepEqual(got, want) {
			t.Errorf("%s: got %v, want %v", name, got, want)
		}
		p.Close()
	}
}

func TestNewConnectionsOfRequestsWithoutASlotAreCounted(t *testing.T) {
	srv := testserver.New(http.HandlerFunc(tooLong), testserver.Options{})
	defer srv.Close()
	p := pool.New(pool.Options{})
	defer p.Close()
	client := &http.Client{Transport: p.Middleware(srv.Transport())}
	req, err := http.NewRequestWithContext(pool.Exempt(t.Context()), "GET", srv.URL, nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if got := sumsOf(p.Stats().NewByCaller); got[roundtripper.ReasonFirst] != 1 {
		t.Errorf("got %v, want the first", got)
	}
}

// Of connections that are somebody else's, httptrace's hooks tell.
func TestNewConnectionsOfAForeignBaseAreCounted(t *testing.T) {
	srv := testserver.New(http.HandlerFunc(tooLong), testserver.Options{})
	defer srv.Close()
	p := pool.New(pool.Options{})
	defer p.Close()
	client := &http.Client{Transport: p.Middleware(sdk{srv.Transport(), func(*http.Request) {}})}
	for range 3 {
		unread(t, client, srv.URL)
	}
	if got := sumsOf(p.Stats().NewByCaller); got[roundtripper.ReasonFirst] != 1 || got[roundtripper.ReasonBodyUnread] != 2 {
		t.Errorf("got %v, want the first and 2 by bodies that were closed unread", got)
	}
}

func TestNewConnectionsToSeveralHostsNameNone(t *testing.T) {
	srv := testserver.New(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "ok") }), testserver.Options{Memory: true})
	defer srv.Close()
	p := pool.New(pool.Options{})
	defer p.Close()
	client := &http.Client{Transport: p.Middleware(srv.Transport())}
	for i := range 2 {
		if err := get(client, fmt.Sprintf("http://host%d.example/", i)); err != nil {
			t.Fatal(err)
		}
	}
	all := p.Stats().NewByCaller
	if len(all) != 1 || all[0].Host != "" || all[0].Conns != 2 {
		t.Errorf("got %+v, want 2 that were the first to their hosts", all)
	}
}

// TestNewConnectionsCostNothingElse is for the requests that are given one that was there.
func TestNewConnectionsCostNothingElse(t *testing.T) {
	if raceEnabled {
		t.Skip("SKIPPED: the check of races allocates")
	}
	p := pool.New(pool.Options{})
	defer p.Close()
	req, err := http.NewRequest("GET", "http://host.example/", nil)
	if err != nil {
		t.Fatal(err)
	}
	allocs := func(rt http.RoundTripper) float64 {
		for range 1000 {
			stub.Do(rt, req)
		}
		return testing.AllocsPerRun(1000, func() { stub.Do(rt, req) })
	}
	none := allocs(roundtripper.Observe(roundtripper.Observer{})(stub.Transport{}))
	if got := allocs(p.Middleware(stub.Transport{})); got > none {
		t.Errorf("%v allocations with a Pool, want those of a stack that does nothing: %v", got, none)
	}
}

func TestNewConnectionsAreCountedConcurrently(t *testing.T) {
	srv := testserver.New(http.HandlerFunc(tooLong), testserver.Options{})
	defer srv.Close()
	p := pool.New(pool.Options{})
	defer p.Close()
	client := &http.Client{Transport: p.Middleware(srv.Transport())}
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			for range 20 {
				unread(t, client, srv.URL)
				p.Stats()
			}
		})
	}
	all.Wait()
	n := uint64(0)
	for _, c := range sumsOf(p.Stats().NewByCaller) {
		n += c
	}
	if n != 160 {
		t.Errorf("%d new connections, want one for each of 160 requests", n)
	}
}
