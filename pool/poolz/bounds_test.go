package poolz

import (
	"encoding/json"
	"fmt"
	"net/http"
	"runtime"
	"testing"
	"time"

	"github.com/warmconn/warmconn/internal/eventually"
	"github.com/warmconn/warmconn/internal/fullsize"
	"github.com/warmconn/warmconn/internal/stub"
	"github.com/warmconn/warmconn/pool"
	"github.com/warmconn/warmconn/roundtripper"
)

// crowd is a Pool with so many hosts in use: each has a request in flight.
func crowd(tb testing.TB, hosts int) (p *pool.Pool, end func()) {
	tb.Helper()
	p = pool.New(pool.Options{MaxPerHost: 8})
	rt := p.Middleware(stub.Transport{})
	held := make([]*http.Response, hosts)
	for i := range held {
		name := fmt.Sprintf("host%06d.example", i)
		resp, err := rt.RoundTrip(to("GET", name, "/"))
		if err != nil {
			tb.Fatal(err)
		}
		held[i] = resp
		if i%(hosts/100) == 0 { // a hundred with some traffic
			for range 3 {
				stub.Do(rt, to("GET", name, "/"))
			}
		}
	}
	return p, func() {
		for _, resp := range held {
			resp.Body.Close()
		}
		p.Close()
	}
}

const manyHosts = 100_000

// However many hosts there are, a page lists the busiest, is soon there, and what is kept of them
// is bounded.
func TestManyHostsAreBounded(t *testing.T) {
	hosts := fullsize.Of(manyHosts, 5000)
	p, end := crowd(t, hosts)
	defer end()
	h := Handler(p).(*handler)

	// The first look does not wait until all are counted.
	first := took(func() { ask(h, "/") })
	eventually.True(t, "the hosts are counted", func() bool { return h.v.look(nil, false) != nil })

	var p1 page
	size := ask(h, "/").Body.Len()
	quickest := func(target string) time.Duration { // the collector may take a part of one
		d := took(func() { ask(h, target) })
		for range 5 {
			d = min(d, took(func() { ask(h, target) }))
		}
		return d
	}
	listed, found := quickest("/?format=html"), quickest("/?q=host0&format=html")
	if err := json.Unmarshal(ask(h, "/?format=json").Body.Bytes(), &p1); err != nil {
		t.Fatal(err)
	}
	t.Logf("%d hosts: the first look took %v, a page of %d kB %v, a search %v", hosts, first, size/1000, listed, found)
	most := 50 * time.Millisecond
	if raceEnabled {
		most *= 10
	}
	if max(first, listed, found) > most {
		t.Errorf("want less than %v", most)
	}
	if p1.HostCount != hosts || len(p1.Hosts) != hostsMost || p1.Hosts[0].Requests != 4 || p1.Hosts[99].Requests != 4 || p1.Hosts[100].Requests != 1 {
		t.Errorf("%d hosts, of which %d are listed, the first with %d requests", p1.HostCount, len(p1.Hosts), p1.Hosts[0].Requests)
	}
	if size > 1_000_000 {
		t.Errorf("the page has %d bytes", size)
	}
	h.v.mu.Lock()
	rings := len(h.v.rings)
	h.v.mu.Unlock()
	if rings > ringsMost {
		t.Errorf("%d rings, want %d at most", rings, ringsMost)
	}
	runtime.KeepAlive(p)
}

// What a viewer holds is two samples: the last one, and that of the last point of the history.
func TestASampleIsSmall(t *testing.T) {
	if raceEnabled {
		t.Skip("SKIPPED: it measures memory")
	}
	const hosts = 5000
	p, end := crowd(t, hosts)
	defer end()
	v := newViewer(p)
	take(v.in, p, nil, nil) // so that what the Pool makes for the first one is there
	heap := func() int64 {
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return int64(m.HeapAlloc)
	}
	before := heap()
	s := take(v.in, p, nil, nil)
	bare := heap() - before
	for i := range s.stats.Hosts {
		h := &s.stats.Hosts[i]
		h.New = map[roundtripper.NewReason]uint64{roundtripper.ReasonFirst: 1, roundtripper.ReasonAllBusy: 1}
		h.Lost = map[roundtripper.NewReason]uint64{roundtripper.ReasonIdleTimeout: 1, roundtripper.ReasonServerClose: 1}
	}
	told := heap() - before
	runtime.KeepAlive(s)
	t.Logf("a sample holds %d bytes for each host, and %d with two reasons for new connections and two for closed ones", bare/hosts, told/hosts)
	if bare/hosts > 500 || told/hosts > 1200 {
		t.Error("want 500 at most, and 1,200 with reasons")
	}
}

func BenchmarkPage(b *testing.B) {
	for _, hosts := range []int{100, manyHosts} {
		p, end := crowd(b, hosts)
		h := Handler(p).(*handler)
		for h.v.look(nil, true) == nil {
		}
		for _, target := range []string{"/?format=html", "/?format=json", "/?format=html&q=9"} {
			b.Run(fmt.Sprintf("hosts=%d%s", hosts, target), func(b *testing.B) {
				b.ReportAllocs()
				for b.Loop() {
					if w := ask(h, target); w.Code != http.StatusOK {
						b.Fatal(w.Body)
					}
				}
			})
		}
		end()
	}
}
