package poolz

import (
	"bytes"
	"fmt"
	"net/http"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/warmconn/warmconn/internal/eventually"
	"github.com/warmconn/warmconn/internal/stub"
	"github.com/warmconn/warmconn/internal/testserver"
	"github.com/warmconn/warmconn/pool"
)

// viewers is how many of this program's goroutines take samples.
func viewers() int {
	stacks := make([]byte, 1<<20)
	stacks = stacks[:runtime.Stack(stacks, true)]
	return bytes.Count(stacks, []byte("poolz.run("))
}

func TestNothingIsWatchedBeforeTheFirstLook(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPool(t, pool.Options{})
		h := Handler(p).(*handler)
		ask(h, "/?asset=poolz.css")
		time.Sleep(time.Minute)
		if h.v.running {
			t.Error("a viewer runs, and nobody has looked")
		}
	})
}

func TestTheViewerEndsSomeMinutesAfterTheLastLook(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPool(t, pool.Options{})
		rt := p.Middleware(stub.Transport{})
		h := Handler(p).(*handler)
		read(t, h, "/")
		for range 10 { // each time a minute before it would end
			time.Sleep(keepLooking - time.Minute)
			if got := read(t, h, "/"); time.Since(*got.LookingSince) < keepLooking-time.Minute {
				t.Errorf("looking since %v", got.LookingSince)
			}
		}
		if all, _, _ := h.v.history(nil); len(all) != ringLen {
			t.Errorf("%d points after 40 minutes, want %d", len(all), ringLen)
		}
		time.Sleep(keepLooking + 2*tickEvery)
		synctest.Wait()
		if h.v.running || h.v.sample != nil || h.v.all.points != nil {
			t.Error("the viewer goes on, or keeps what it has seen")
		}

		// The next look begins anew.
		stub.Do(rt, to("GET", "api.example", "/"))
		if got := read(t, h, "/"); got.Pool.Requests != 1 || time.Since(*got.LookingSince) > time.Second || len(got.Pool.History.At) != 0 {
			t.Errorf("since %v, history %v", got.LookingSince, got.Pool.History)
		}
		time.Sleep(keepLooking + 2*tickEvery)
	})
}

func TestTheViewerEndsWhenThePoolIsClosed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := pool.New(pool.Options{})
		rt := p.Middleware(stub.Transport{})
		h := Handler(p).(*handler)
		read(t, h, "/")
		time.Sleep(3 * tickEvery)
		stub.Do(rt, to("GET", "api.example", "/"))
		p.Close()
		time.Sleep(2 * tickEvery)
		synctest.Wait()
		if h.v.running {
			t.Error("the viewer goes on")
		}
		got := read(t, h, "/")
		if !got.Closed || got.Pool.Requests != 1 || len(got.Pool.History.At) < 3 {
			t.Errorf("closed: %v, requests: %d, history: %v", got.Closed, got.Pool.Requests, got.Pool.History.At)
		}
		if len(got.Events) != 1 || got.Events[0].What != eventShut {
			t.Errorf("events: %+v", got.Events)
		}
		if text := ask(h, "/").Body.String(); !strings.Contains(text, `<strong class="badge bad">closed</strong>`) {
			t.Error("the page does not say that the Pool is closed")
		}
		time.Sleep(2 * tickEvery)
		synctest.Wait()
		if h.v.running {
			t.Error("a look at a closed Pool has begun what does not end")
		}
	})
}

func TestTheViewerEndsWhenHandlerAndPoolAreDropped(t *testing.T) {
	func() {
		p := pool.New(pool.Options{})
		read(t, Handler(p), "/")
		if viewers() == 0 {
			t.Error("no viewer was seen: the test shows nothing")
		}
	}()
	eventually.Collected(t, "the viewer ends", func() bool {
		return viewers() == 0
	})
}

func TestHistoryIsOfTheLastFiveMinutes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := pool.New(pool.Options{})
		rt := p.Middleware(stub.Transport{})
		h := Handler(p)
		read(t, h, "/")
		for n := range 4 {
			for range 10 * (n + 1) {
				stub.Do(rt, to("GET", "api.example", "/"))
			}
			time.Sleep(tickEvery)
			synctest.Wait()
		}
		got := read(t, h, "/?host=http://api.example:80")
		want := "[5 10 15 20]"
		if got := fmt.Sprint(got.Pool.History.Requests); got != want {
			t.Errorf("requests per second of all: %s, want %s", got, want)
		}
		if got := fmt.Sprint(got.Hosts[0].History.Requests); got != want {
			t.Errorf("of the host: %s, want %s", got, want)
		}
		if r := got.Hosts[0].RequestsPerSecond; r == nil || *r != 20 {
			t.Errorf("now: %v, want 20", r)
		}
		p.Close()
		time.Sleep(2 * tickEvery)
	})
}

// A look while the last sample is good enough does not ask the Pool, and one that would take
// too long is not waited for.
func TestTheCostOfSamplesIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := pool.New(pool.Options{})
		v := newViewer(p)
		if s := v.look(nil, false); s == nil {
			t.Fatal("no sample")
		}
		v.mu.Lock()
		v.sample.cost = 200 * time.Millisecond
		slow := v.sample
		v.mu.Unlock()
		for range 4 {
			time.Sleep(tickEvery)
			synctest.Wait()
			if s := v.look(nil, false); s != slow {
				t.Fatalf("a sample that took 200 ms was taken again after %v", time.Since(slow.at))
			}
		}
		time.Sleep(tickEvery)
		synctest.Wait()
		if s := v.look(nil, false); s == slow {
			t.Error("it was never taken again")
		}
		p.Close()
		time.Sleep(2 * tickEvery)
	})
}

func TestARingKeepsTheLastPoints(t *testing.T) {
	var r ring
	at := time.Unix(0, 0)
	var n totals
	for i := range 3 * ringLen {
		at = at.Add(2 * time.Second)
		n.requests += uint64(2 * i)
		n.open = i
		r.add(at, n)
	}
	all := r.list()
	if len(all) != ringLen || cap(r.points) >= 3*ringLen {
		t.Fatalf("%d points, room for %d", len(all), cap(r.points))
	}
	for i, p := range all {
		if want := 3*ringLen - ringLen + i; p.open != int32(want) || p.requestsPerSecond() != float32(want) {
			t.Fatalf("point %d: %+v, want %d", i, p, want)
		}
	}
	n.requests = 4 // the host was forgotten, and met again
	r.add(at.Add(2*time.Second), n)
	if all := r.list(); all[ringLen-1].requestsPerSecond() != 2 {
		t.Errorf("after a host was forgotten: %v a second, want 2", all[ringLen-1].requestsPerSecond())
	}
}

// A request that reuses its connection allocates nothing more when somebody looks.
func TestALookCostsRequestsNoAllocation(t *testing.T) {
	srv := server(t, testserver.Options{})
	p := newPool(t, pool.Options{})
	rt := p.Middleware(srv.Transport())
	req, _ := http.NewRequest("GET", srv.URL, nil)
	for range 1000 { // past the requests whose stack is always taken
		if err := stub.Do(rt, req); err != nil {
			t.Fatal(err)
		}
	}
	measure := func() float64 { return testing.AllocsPerRun(500, func() { stub.Do(rt, req) }) }
	before := measure()
	v := newViewer(p)
	v.unwatch = v.in.Watch(watcher(v)) // without its samples, which allocate beside
	defer v.unwatch()
	after := measure()
	for range 4 { // a collection empties what is kept for requests
		after = min(after, measure())
	}
	if raceEnabled {
		t.Skipf("the race detector has sync.Pool forget: %v allocations, and %v", before, after)
	}
	if after > before+0.5 {
		t.Errorf("%v allocations, and %v when somebody looks", before, after)
	}
}
