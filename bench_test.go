package warmconn_test

import (
	"net/http"
	"testing"

	"github.com/warmconn/warmconn"
	"github.com/warmconn/warmconn/internal/stub"
)

// The kit's cost over a base that answers at once.
func BenchmarkKit(b *testing.B) {
	run := func(name string, rt http.RoundTripper) {
		b.Run(name, func(b *testing.B) {
			req, _ := http.NewRequest("GET", "http://host.example/items?page=2", nil)
			for range 1000 { // past the pool's first stacks
				if err := stub.Do(rt, req); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportAllocs()
			for b.Loop() {
				if err := stub.Do(rt, req); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
	run("bare", stub.Transport{})
	for _, p := range presets {
		run(p.name, warmconn.New(p.options()).Wrap(stub.Transport{}))
	}
}
