package connpool

import (
	"fmt"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/warmconn/warmconn/internal/fullsize"
	"github.com/warmconn/warmconn/internal/hosttable"
	"github.com/warmconn/warmconn/internal/ledger"
	"github.com/warmconn/warmconn/internal/testserver"
)

// crawl has a pool meet that many more hosts, with one request each.
func crawl(p *Pool, name string, hosts int) {
	for i := range hosts {
		e := &Entry{Owner: &owner{}}
		p.Enter(e, ledger.Key{Scheme: "https", Host: fmt.Sprintf("%s%d.example", name, i), Port: "443"}, nil)
		rt, now := e.lockRoute(routeKey{})
		e.enterLocked(rt, now)
		e.moveLocked(outside)
		e.uncountLocked(now)
		e.host.mu.Unlock()
	}
}

func hostsOf(p *Pool) (n int) {
	p.hosts.each(func(*Host) { n++ })
	return n
}

// TestWhatWasLearnedOfAHostIsKeptWhileItIsInUse, though all its connections have idled out,
// and a crawler's hosts take all places between its requests.
func TestWhatWasLearnedOfAHostIsKeptWhileItIsInUse(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := testserver.New(http.HandlerFunc(hello), testserver.Options{HTTP2: true, Memory: true})
		defer s.Close()
		p := newPool(t, s.Transport(), Options{IdleTimeout: 90 * time.Second})
		crawler := 0
		pause := func(d time.Duration) {
			time.Sleep(d)
			crawler++
			crawl(p, fmt.Sprint("crawled", crawler, "-"), 2*hosttable.Shards*hosttable.SweepFrom)
		}
		must(t, rt{p: p}, s.URL)
		time.Sleep(time.Minute)
		must(t, rt{p: p}, s.URL)
		h := &Host{}
		p.hosts.each(func(x *Host) {
			if x.multiplexed.Load() {
				h = x
			}
		})
		for range fullsize.Of(10, 4) { // of its requests every second finds no connection
			pause(time.Minute)
			must(t, rt{p: p}, s.URL)
			time.Sleep(time.Minute)
			pause(30 * time.Second)
			synctest.Wait() // for the sweep
			if count(p, idle) > 0 {
				t.Fatal("a connection is still idle")
			}
			if h.forgotten {
				t.Fatal("the host was forgotten, and its protocol with it")
			}
		}
		if h.direct.protocol != http2 || h.direct.streams == 0 {
			t.Errorf("protocol %v, %d streams: what was learned is gone", h.direct.protocol, h.direct.streams)
		}
		if _, measured := h.worth.Cost(h.direct.hop); measured < 2 {
			t.Errorf("the cost of a connection rests on %d of them", measured)
		}
		pause(2 * rememberedFor)
		if pause(0); !h.forgotten {
			t.Error("it is remembered, though no request came for hours")
		}
		if n := p.remembered.Load(); n != 0 {
			t.Errorf("%d hosts count as remembered, want none", n)
		}
	})
}

// TestRememberedHostsAreBounded: a host that was met once is not remembered, and of hosts in
// use no more than rememberedMost are.
func TestRememberedHostsAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPool(t, &http.Transport{}, Options{})
		most := 2 * hosttable.Shards * hosttable.SweepFrom
		crawl(p, "once", fullsize.Of(50_000, 2*most))
		if n := hostsOf(p); n > most || p.remembered.Load() > 0 {
			t.Errorf("%d hosts that were met once, %d remembered; want at most %d, none", n, p.remembered.Load(), most)
		}
		p = newPool(t, &http.Transport{}, Options{})
		for range 2 {
			crawl(p, "twice", rememberedMost+300)
			time.Sleep(10 * time.Minute)
		}
		crawl(p, "pressure", fullsize.Of(20_000, 2*most))
		n, r := hostsOf(p), p.remembered.Load()
		t.Logf("%d hosts, %d of them remembered", n, r)
		if n > most+rememberedMost || r != rememberedMost {
			t.Errorf("%d hosts, %d of them remembered; want at most %d, %d", n, r, most+rememberedMost, rememberedMost)
		}
	})
}
