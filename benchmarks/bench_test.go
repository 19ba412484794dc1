package benchmarks

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

const (
	slots   = 8
	workers = 64
)

// BenchmarkStub is the cost of the limit itself.
func BenchmarkStub(b *testing.B) {
	for _, l := range overStub {
		b.Run("uncontended/"+l.name, func(b *testing.B) {
			alone(b, l.wrap(quick{}, slots), "http://host.example/")
		})
	}
	for _, l := range overStub {
		b.Run("contended/"+l.name, func(b *testing.B) {
			together(b, l.wrap(quick{}, slots), "http://host.example/")
		})
	}
}

// BenchmarkLoopback is what a limit makes of connections: conns is how many the
// server saw.
func BenchmarkLoopback(b *testing.B) {
	for _, l := range overTransport {
		b.Run("uncontended/"+l.name, func(b *testing.B) {
			rt, url := loopback(b, l)
			alone(b, rt, url)
		})
	}
	for _, l := range overTransport {
		b.Run("contended/"+l.name, func(b *testing.B) {
			rt, url := loopback(b, l)
			together(b, rt, url)
		})
	}
}

// loopback starts a server and a transport to it. The number of connections is
// reported when the benchmark ends.
func loopback(b *testing.B, l limit) (rt http.RoundTripper, url string) {
	var opened atomic.Int64
	srv := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, hello) }))
	srv.Config.ConnState = func(_ net.Conn, s http.ConnState) {
		if s == http.StateNew {
			opened.Add(1)
		}
	}
	srv.Start()
	base := &http.Transport{MaxIdleConnsPerHost: workers}
	rt = l.wrap(base, slots)
	b.Cleanup(func() {
		b.ReportMetric(float64(opened.Load()), "conns")
		if c, ok := rt.(interface{ CloseIdleConnections() }); ok {
			c.CloseIdleConnections()
		}
		base.CloseIdleConnections()
		srv.Close()
	})
	return rt, srv.URL
}

// do sends one request, reads its body and, with the slot still held, lets other
// goroutines go on if it is to be contended for.
func do(rt http.RoundTripper, url string, contend bool) error {
	req, err := http.NewRequestWithContext(context.Background(), "GET", url, nil)
	if err != nil {
		return err
	}
	resp, err := rt.RoundTrip(req)
	if err != nil {
		return err
	}
	if contend {
		runtime.Gosched()
	}
	_, err = io.Copy(io.Discard, resp.Body)
	return errors.Join(err, resp.Body.Close())
}

func alone(b *testing.B, rt http.RoundTripper, url string) {
	for range 1000 { // past the requests whose stack the pool always takes
		if err := do(rt, url, false); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportAllocs()
	for b.Loop() {
		if err := do(rt, url, false); err != nil {
			b.Fatal(err)
		}
	}
}

// together has all workers send requests. The longest that one took, from
// RoundTrip to Close, is reported.
func together(b *testing.B, rt http.RoundTripper, url string) {
	var left, longest atomic.Int64
	left.Store(int64(b.N))
	var wg sync.WaitGroup
	b.ReportAllocs()
	b.ResetTimer()
	for range workers {
		wg.Go(func() {
			for left.Add(-1) >= 0 {
				began := time.Now()
				if err := do(rt, url, true); err != nil {
					b.Error(err)
					return
				}
				took := int64(time.Since(began))
				for was := longest.Load(); took > was && !longest.CompareAndSwap(was, took); was = longest.Load() {
				}
			}
		})
	}
	wg.Wait()
	b.ReportMetric(float64(longest.Load())/1e6, "longest-ms")
}
