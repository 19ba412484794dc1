package pool

import (
	"io"
	"net/http"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
	"weak"

	"github.com/warmconn/warmconn/internal/connpool"
	"github.com/warmconn/warmconn/internal/eventually"
	"github.com/warmconn/warmconn/internal/stub"
	"github.com/warmconn/warmconn/internal/testserver"
)

// answer is a base whose bodies end only when they are closed.
type answer struct{}

func (answer) RoundTrip(req *http.Request) (*http.Response, error) {
	pr, _ := io.Pipe()
	return &http.Response{StatusCode: 200, ProtoMajor: 1, ProtoMinor: 1, Header: http.Header{}, ContentLength: -1, Body: pr, Request: req}, nil
}

func open(t *testing.T, rt http.RoundTripper) *http.Response {
	t.Helper()
	req, _ := http.NewRequest("GET", "http://host.example/", nil)
	resp, err := rt.RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	return resp
}

// stalled opens as many bodies as the limit, has waiters wait behind them, and returns how many
// collections the pool has run after d. Each collection lasts for takes. If moves is not zero, a
// slot moves that often.
func stalled(t *testing.T, d, takes, moves time.Duration) int {
	t.Helper()
	var collections atomic.Int32
	synctest.Test(t, func(t *testing.T) {
		p := New(Options{MaxPerHost: 2})
		p.gc.collect = func() {
			collections.Add(1)
			time.Sleep(takes)
		}
		rt := p.Middleware(answer{})
		first, second := open(t, rt), open(t, rt)
		got := make(chan *http.Response)
		for range 1000 {
			go func() {
				req, _ := http.NewRequest("GET", "http://host.example/", nil)
				resp, err := rt.RoundTrip(req)
				if err != nil {
					got <- nil
					return
				}
				got <- resp
			}()
		}
		synctest.Wait()
		for began := time.Now(); time.Since(began) < d; {
			if moves == 0 {
				time.Sleep(d)
				continue
			}
			time.Sleep(moves)
			first.Body.Close()
			first = <-got
		}
		n := collections.Load()
		p.Close()
		first.Body.Close()
		second.Body.Close()
		for p.Stats().InUse > 0 || p.Stats().Waiting > 0 {
			if resp := <-got; resp != nil {
				resp.Body.Close()
			}
		}
		time.Sleep(time.Minute) // for goroutines on their way, and a collection
		for {
			synctest.Wait()
			select {
			case <-got:
				continue
			default:
			}
			break
		}
		collections.Store(n)
	})
	return int(collections.Load())
}

// The number does not depend on how many requests wait.
func TestCollectionsAreFewWhileRequestsStall(t *testing.T) {
	const d = 10 * time.Second
	n := stalled(t, d, 0, 0)
	if most := int(d / gcEvery); n > most || n < most/2 {
		t.Errorf("%d collections in %v, want at most one in %v and not far fewer", n, d, gcEvery)
	}
}

func TestSlowCollectionsTakeATwentiethOfTheTime(t *testing.T) {
	const d, takes = 60 * time.Second, 100 * time.Millisecond
	n := stalled(t, d, takes, 0)
	if most := int(d/(gcShare*takes)) + 1; n > most || n < most/2 {
		t.Errorf("%d collections of %v in %v, want at most %d and not far fewer", n, takes, d, most)
	}
}

func TestNoCollectionWhileSlotsMove(t *testing.T) {
	if n := stalled(t, 10*time.Second, 0, stallStep/2); n != 0 {
		t.Errorf("%d collections though a slot moved every %v, want none", n, stallStep/2)
	}
}

// A timer of one bubble does not work in another. The clock of each begins anew, so a collection
// is due later.
func TestStalledQueueIsNoticedInOneBubbleAfterAnother(t *testing.T) {
	var collections atomic.Int32
	p := New(Options{MaxPerHost: 1})
	p.gc.collect = func() { collections.Add(1) }
	rt := p.Middleware(answer{})
	for i := range 3 {
		before := collections.Load()
		synctest.Test(t, func(t *testing.T) {
			held := open(t, rt)
			got := make(chan *http.Response)
			go func() { got <- open(t, rt) }()
			time.Sleep(time.Duration(i+1) * 10 * time.Second)
			held.Body.Close()
			(<-got).Body.Close()
		})
		if collections.Load() == before {
			t.Errorf("no collection in bubble %d", i)
		}
	}
}

// New stacks look for collected ones, but not each of them through all that are alive.
func TestDroppedStacksAreForgotten(t *testing.T) {
	p := New(Options{})
	var kept []http.RoundTripper
	for i := range 20 {
		for j := range 500 {
			if rt := p.Middleware(stub.Transport{}); j == 0 {
				kept = append(kept, rt)
			}
		}
		if n, at := len(p.bases.ledgers), p.bases.sweepAt; at < n {
			t.Errorf("round %d: looks at %d again", i, n)
		}
		runtime.GC()
	}
	if n := len(p.bases.ledgers); n > 2000 {
		t.Errorf("%d stacks are remembered, though %d are left", n, len(kept))
	}
	runtime.KeepAlive(kept)
}

func TestAlarmIsSetOnlyWhileABodyIsOpen(t *testing.T) {
	const after = time.Hour
	var r atomic.Int32
	p := New(Options{LeakAfter: after, OnLeak: func(Leak) { r.Add(1) }})
	alarm := func() *alarm {
		var a *alarm
		p.each(func(h *host) {
			h.flights.mu.Lock()
			defer h.flights.mu.Unlock()
			a = h.flights.alarm
		})
		return a
	}
	rt := p.Middleware(answer{})
	first := open(t, rt)
	set := alarm()
	if set == nil {
		t.Fatal("no alarm for an open body")
	}
	second := open(t, rt)
	if alarm() != set {
		t.Error("an alarm for the second body, want one for both")
	}
	first.Body.Close()
	if alarm() == nil {
		t.Error("no alarm for the second body")
	}
	second.Body.Close()
	if alarm() != nil {
		t.Error("an alarm, though no body is open")
	}
	if set.timer.Stop() {
		t.Error("the alarm's timer still runs")
	}
	req, _ := http.NewRequest("GET", "http://host.example/", nil)
	p = New(Options{AlwaysCaller: true})
	resp, err := p.Middleware(stub.Transport{}).RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if alarm() != nil {
		t.Error("an alarm without LeakAfter")
	}
}

// For a clone without the Middleware the Pool sees connections only, and over TLS and HTTP/2
// these take more Reads.
func TestUseOfACloneIsToldByItsConnections(t *testing.T) {
	hello := func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "hello") }
	for name, o := range map[string]testserver.Options{"plain": {}, "tls": {TLS: true}, "http2": {HTTP2: true}} {
		t.Run(name, func(t *testing.T) {
			srv := testserver.New(http.HandlerFunc(hello), o)
			defer srv.Close()
			p := New(Options{})
			defer p.Close()
			tr, l := p.counting(srv.Transport())
			if host, ok := l.BarelyUsed(); ok {
				t.Errorf("not used, and yet brief for %q", host)
			}
			get := func() {
				req, _ := http.NewRequest("GET", srv.URL, nil)
				if err := stub.Do(tr, req); err != nil {
					t.Fatal(err)
				}
			}
			get()
			if host, ok := l.BarelyUsed(); !ok || host != srv.URL && !strings.HasSuffix(host, srv.Addr) {
				t.Errorf("after one request: brief %v, for %q; want it so for %s", ok, host, srv.Addr)
			}
			get()
			if _, ok := l.BarelyUsed(); !ok {
				t.Error("after two requests: not brief")
			}
			for range 20 {
				get()
			}
			if _, ok := l.BarelyUsed(); ok {
				t.Error("after 22 requests: brief")
			}
			tr.CloseIdleConnections()
		})
	}
}

// A dropped client must not be kept until MaxConnAge.
func TestClockKeepsNoDroppedClient(t *testing.T) {
	srv := testserver.New(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "hello") }), testserver.Options{})
	defer srv.Close()
	p := New(Options{MaxConnAge: time.Hour, IdleTimeout: -1})
	defer p.Close()
	dropped := func() (conns weak.Pointer[connpool.Pool]) {
		rt := p.Middleware(&http.Transport{})
		req, _ := http.NewRequest("GET", srv.URL, nil)
		if err := stub.Do(rt, req); err != nil {
			t.Fatal(err)
		}
		for _, s := range p.bases.sites {
			conns = weak.Make(s.Value().conns)
		}
		runtime.KeepAlive(rt)
		return conns
	}()
	eventually.Collected(t, "the client's connections to be collected", func() bool {
		return dropped.Value() == nil && p.Stats().Open == 0
	})
}

// A program that makes transports in ever new places does not fill the memory.
func TestPlacesAreBounded(t *testing.T) {
	b := churn{report: func(Leak) {}}
	for i := range 10 * placesMost {
		caller := strings.Repeat("x", i)
		b.placeLocked(caller).last = time.Now()
	}
	if got := len(b.places); got != placesMost {
		t.Errorf("%d places, want %d", got, placesMost)
	}
	if b.places[strings.Repeat("x", 10*placesMost-1)] == nil {
		t.Error("the last one was forgotten, want the oldest")
	}
}

// A queue in which no slot has moved for a day does not delay the collections for another one.
func TestCollectionsAreAsRareAsTheAskersStandstillIsLong(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := 0
		c := collector{collect: func() { n++ }}
		long := time.Now()
		time.Sleep(24 * time.Hour)
		for i, since := range []time.Time{long, long, time.Now()} {
			c.run(since)
			synctest.Wait()
			if want := []int{1, 1, 2}[i]; n != want {
				t.Errorf("%d collections, want %d", n, want)
			}
			time.Sleep(gcEvery)
		}
	})
}
