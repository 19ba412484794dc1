package poolprom_test

import (
	"bufio"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"strings"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/warmconn/warmconn/pool"
	"github.com/warmconn/warmconn/pool/poolprom"
	"github.com/warmconn/warmconn/roundtripper"
)

// A program that Prometheus scrapes. Here the example does, after three requests
// one after the other.
func ExampleNewCollector() {
	p := pool.New(pool.Options{})
	defer p.Close()
	reg := prometheus.NewRegistry()
	reg.MustRegister(poolprom.NewCollector(p, poolprom.Options{}))
	metrics := httptest.NewServer(promhttp.HandlerFor(reg, promhttp.HandlerOpts{}))
	defer metrics.Close()

	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "hello") }))
	defer srv.Close()
	client := roundtripper.Client(srv.Client(), p.Middleware)
	defer client.CloseIdleConnections()
	for range 3 {
		resp, err := client.Get(srv.URL)
		if err != nil {
			log.Fatal(err)
		}
		io.Copy(io.Discard, resp.Body)
		resp.Body.Close()
	}

	scrape, err := http.Get(metrics.URL)
	if err != nil {
		log.Fatal(err)
	}
	defer scrape.Body.Close()
	for lines := bufio.NewScanner(scrape.Body); lines.Scan(); {
		line := strings.ReplaceAll(lines.Text(), srv.URL, "http://api.example:80")
		if strings.HasPrefix(line, "warmconn_pool_requests_total") || strings.HasPrefix(line, "warmconn_pool_connections_opened_total") {
			fmt.Println(line)
		}
	}
	// Output:
	// warmconn_pool_connections_opened_total{host="http://api.example:80"} 1
	// warmconn_pool_requests_total{host="http://api.example:80"} 3
}
