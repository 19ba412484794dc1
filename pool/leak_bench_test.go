package pool_test

import (
	"fmt"
	"net/http"
	"runtime"
	"sync/atomic"
	"testing"
	"time"

	"github.com/warmconn/warmconn/internal/stub"
	"github.com/warmconn/warmconn/pool"
)

// inTurns times f for base and other in turns, so that a machine that gets slower does so for
// both, and reports the ratio of other's time to base's.
func inTurns(b *testing.B, base, other string, f func(name string)) {
	const each = 64
	var took [2]time.Duration
	n := 0
	for b.Loop() {
		for i, name := range [...]string{base, other} {
			began := time.Now()
			for range each {
				f(name)
			}
			took[i] += time.Since(began)
		}
		n += each
	}
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(float64(took[0].Nanoseconds())/float64(n), base+"-ns")
	b.ReportMetric(float64(took[1].Nanoseconds())/float64(n), other+"-ns")
	b.ReportMetric(float64(took[1])/float64(took[0]), "ratio")
}

// clientsOf returns a client over a Pool for each of the options. The requests whose stack is
// always taken are behind it.
func clientsOf(pools map[string]pool.Options) map[string]*http.Client {
	clients := make(map[string]*http.Client)
	for name, o := range pools {
		c := &http.Client{Transport: pool.New(o).Middleware(stub.Transport{})}
		for range 1000 {
			get(c, "http://host.example/")
		}
		clients[name] = c
	}
	return clients
}

func respond(b *testing.B, c *http.Client) *http.Response {
	resp, err := c.Get("http://host.example/")
	if err != nil {
		b.Fatal(err)
	}
	return resp
}

// BenchmarkCaller compares a Pool that takes the stack of every request, and lists it, with one
// that takes the stack of one in 64. The base answers at once.
func BenchmarkCaller(b *testing.B) {
	clients := clientsOf(map[string]pool.Options{"sampled": {}, "always": {AlwaysCaller: true}})
	inTurns(b, "sampled", "always", func(name string) { respond(b, clients[name]).Body.Close() })
}

// BenchmarkLeakAfter is the cost of timing open bodies: for requests one after another, for which
// the alarm is set and stopped each time, and with as many bodies open as the name says.
func BenchmarkLeakAfter(b *testing.B) {
	for _, n := range []int{0, 1, 10_000} {
		b.Run(fmt.Sprintf("open=%d", n), func(b *testing.B) {
			clients := clientsOf(map[string]pool.Options{"never": {}, "after": {LeakAfter: time.Hour}})
			var held []*http.Response
			for _, c := range clients {
				for range n {
					held = append(held, respond(b, c))
				}
			}
			inTurns(b, "never", "after", func(name string) { respond(b, clients[name]).Body.Close() })
			for _, resp := range held {
				resp.Body.Close()
			}
		})
	}
}

// BenchmarkSuspects has 10,000 open bodies suspected. Late is the time from the last one's
// LeakAfter until all of them were reported.
func BenchmarkSuspects(b *testing.B) {
	const n, after = 10_000, 500 * time.Millisecond
	late := time.Duration(0)
	for b.Loop() {
		var told atomic.Int32 // there may be several alarms
		done := make(chan struct{})
		p := pool.New(pool.Options{LeakAfter: after, OnLeak: func(pool.Leak) {
			if told.Add(1) == n {
				close(done)
			}
		}})
		c := &http.Client{Transport: p.Middleware(stub.Transport{})}
		held := make([]*http.Response, n)
		for i := range held {
			held[i] = respond(b, c)
		}
		last := time.Now()
		<-done
		late += time.Since(last) - after
		for _, resp := range held {
			resp.Body.Close()
		}
	}
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(float64(late.Microseconds())/float64(b.N), "late-µs")
}

// BenchmarkBuild makes a stack over a new transport, without and with an OnLeak that is told of
// transports which are hardly used.
func BenchmarkBuild(b *testing.B) {
	pools := map[string]*pool.Pool{"quiet": pool.New(pool.Options{}), "watched": pool.New(pool.Options{OnLeak: func(pool.Leak) {}})}
	var last http.RoundTripper
	inTurns(b, "quiet", "watched", func(name string) { last = pools[name].Middleware(new(http.Transport)) })
	runtime.KeepAlive(last)
}
