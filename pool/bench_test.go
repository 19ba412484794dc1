package pool_test

import (
	"fmt"
	"net/http"
	"runtime"
	"runtime/debug"
	"testing"

	"github.com/warmconn/warmconn/internal/stub"
	"github.com/warmconn/warmconn/pool"
	"github.com/warmconn/warmconn/roundtripper"
)

// BenchmarkMiddleware is a request through a pool, over a base that answers at
// once; observe is the same exchange without the pool's part.
func BenchmarkMiddleware(b *testing.B) {
	observe := roundtripper.Observe(roundtripper.Observer{})
	for _, v := range []struct {
		name string
		mw   []roundtripper.Middleware
	}{
		{"bare", nil},
		{"observe", []roundtripper.Middleware{observe}},
		{"pool", []roundtripper.Middleware{pool.New(pool.Options{}).Middleware}},
		{"pool+limit", []roundtripper.Middleware{pool.New(pool.Options{MaxPerHost: 64}).Middleware}},
	} {
		b.Run(v.name, func(b *testing.B) {
			rt := roundtripper.Wrap(stub.Transport{}, v.mw...)
			req, _ := http.NewRequest("GET", "http://host.example/", nil)
			for range 1000 { // past the requests whose stack is always taken
				stub.Do(rt, req)
			}
			b.ReportAllocs()
			for b.Loop() {
				if err := stub.Do(rt, req); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkHosts sends requests to hosts from all cores: they share no lock on the way. To
// see how that scales, use -cpu. In a program with a small heap the collector takes more of
// the other cores than the requests do, so it runs seldom here.
func BenchmarkHosts(b *testing.B) {
	defer debug.SetGCPercent(debug.SetGCPercent(1600))
	for _, hosts := range []int{1, 16} {
		b.Run(fmt.Sprint(hosts), func(b *testing.B) {
			rt := pool.New(pool.Options{MaxPerHost: 64}).Middleware(stub.Transport{})
			b.ReportAllocs()
			b.RunParallel(func(pb *testing.PB) {
				reqs := make([]*http.Request, hosts)
				for i := range reqs {
					reqs[i], _ = http.NewRequest("GET", fmt.Sprintf("http://host%d.example/", i), nil)
				}
				for i := 0; pb.Next(); i++ {
					if err := stub.Do(rt, reqs[i%hosts]); err != nil {
						b.Error(err)
						return
					}
				}
			})
		})
	}
}

func BenchmarkStats(b *testing.B) {
	p := pool.New(pool.Options{})
	rt := p.Middleware(stub.Transport{})
	var held []*http.Response
	for i := range 10_000 {
		req, _ := http.NewRequest("GET", fmt.Sprintf("http://host%d.example/", i), nil)
		resp, err := rt.RoundTrip(req)
		if err != nil {
			b.Fatal(err)
		}
		held = append(held, resp)
	}
	b.ReportAllocs()
	for b.Loop() {
		if s := p.Stats(); s.InUse != len(held) {
			b.Fatal(s.InUse)
		}
	}
	runtime.KeepAlive(held) // or the collector would find them leaked
}
