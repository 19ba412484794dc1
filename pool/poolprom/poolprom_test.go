package poolprom_test

import (
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"runtime"
	"strings"
	"sync"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/warmconn/warmconn/internal/eventually"
	"github.com/warmconn/warmconn/pool"
	"github.com/warmconn/warmconn/pool/poolprom"
	"github.com/warmconn/warmconn/roundtripper"
)

// value is a metric's, of the series whose labels hold all of the values.
func value(t *testing.T, reg *prometheus.Registry, name string, values ...string) float64 {
	t.Helper()
	families, err := reg.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		if f.GetName() != name {
			continue
		}
	series:
		for _, m := range f.Metric {
			for _, want := range values {
				if !strings.Contains(m.String(), want) {
					continue series
				}
			}
			if m.Counter != nil {
				return m.Counter.GetValue()
			}
			return m.Gauge.GetValue()
		}
	}
	return -1
}

func get(t *testing.T, client *http.Client, url string, read bool) {
	resp, err := client.Get(url)
	if err != nil {
		t.Error(err)
		return
	}
	if read {
		io.Copy(io.Discard, resp.Body)
	}
	resp.Body.Close()
}

func TestWhatIsCollectedIsStats(t *testing.T) {
	srv := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Write(make([]byte, 1<<20))
	}))
	defer srv.Close()
	p := pool.New(pool.Options{MaxPerHost: 2})
	defer p.Close()
	reg := prometheus.NewPedanticRegistry()
	reg.MustRegister(poolprom.NewCollector(p, poolprom.Options{}))
	client := roundtripper.Client(srv.Client(), p.Middleware)

	var all sync.WaitGroup
	for i := range 8 {
		all.Go(func() {
			for range 20 {
				get(t, client, srv.URL, i%2 == 0)
			}
		})
		all.Go(func() { // collections beside the load
			for range 20 {
				if _, err := reg.Gather(); err != nil {
					t.Error(err)
				}
			}
		})
	}
	all.Wait()
	// A body's Close may be ahead of its connection's end: after this no figure changes.
	if err := p.Shutdown(t.Context()); err != nil {
		t.Fatal(err)
	}

	s := p.Stats()
	h := s.Hosts[0]
	for name, want := range map[string]float64{
		"warmconn_pool_requests_total":                       float64(h.Requests),
		"warmconn_pool_waits_total":                          float64(h.Waits),
		"warmconn_pool_wait_seconds_total":                   h.WaitTime.Seconds(),
		"warmconn_pool_requests_limit":                       2,
		"warmconn_pool_connections_opened_total":             float64(h.Opened),
		"warmconn_pool_connections_new_total body_unread":    float64(h.New["body_unread"]),
		"warmconn_pool_connections_closed_total body_unread": float64(h.Lost["body_unread"]),
		"warmconn_pool_tls_handshakes_total":                 float64(h.Handshakes),
		"warmconn_pool_host_watched":                         1,
	} {
		name, word, _ := strings.Cut(name, " ")
		if got := value(t, reg, name, `"`+h.Host+`"`, word); got < want*(1-1e-9) || got > want*(1+1e-9) || want == 0 {
			t.Errorf("%s is %v, Stats has %v", name, got, want)
		}
	}
	runtime.KeepAlive(client) // the figures of its connections go with it
}

// Two transports go to one host. When one is collected, the host's figures in Stats fall:
// its counters don't.
func TestADroppedTransportsConnectionsStayCounted(t *testing.T) {
	srv := httptest.NewTLSServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	defer srv.Close()
	p := pool.New(pool.Options{})
	defer p.Close()
	reg := prometheus.NewPedanticRegistry()
	reg.MustRegister(poolprom.NewCollector(p, poolprom.Options{}))
	over := func() *http.Client {
		return roundtripper.Client(&http.Client{Transport: srv.Client().Transport.(*http.Transport).Clone()}, p.Middleware)
	}
	names := []string{"warmconn_pool_connections_opened_total", "warmconn_pool_tls_handshakes_total"}
	want := func(n float64) {
		t.Helper()
		for _, name := range names {
			if got := value(t, reg, name, srv.URL); got != n {
				t.Errorf("%s is %v, want %v", name, got, n)
			}
		}
	}
	kept, dropped := over(), over()
	get(t, kept, srv.URL, true)
	get(t, dropped, srv.URL, true)
	want(2)
	runtime.KeepAlive(dropped)
	eventually.Collected(t, "the dropped transport's end", func() bool {
		h := p.Stats().Hosts[0]
		return h.Opened == 1 && h.Handshakes == 1
	})
	want(2)
	another := over()
	get(t, another, srv.URL, true)
	want(3)
	runtime.KeepAlive(kept)
	runtime.KeepAlive(another)
}

func TestANilPoolPanicsAtOnce(t *testing.T) {
	defer func() {
		if recover() == nil {
			t.Error("no panic")
		}
	}()
	poolprom.NewCollector(nil, poolprom.Options{})
}

// Of requests and responses with secrets in every place, a scrape shows the host and reasons.
func TestAScrapeShowsNoSecrets(t *testing.T) {
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Set-Cookie", "s3cret")
		w.Header().Set("X-S3cret", "s3cret")
		if r.Host == "moved.example" {
			w.Header().Set("Location", "http://s3cret:s3cret@failing.example/s3cret?token=s3cret#s3cret")
			w.WriteHeader(http.StatusTemporaryRedirect)
			return
		}
		w.Header().Set("Content-Length", "1000000000")
		w.Write([]byte("s3cret"))
	}))
	defer srv.Close()
	// The server is a proxy, too, which wants credentials; and there is a failure with a secret in its text.
	srv.Client().Transport.(*http.Transport).Proxy = func(req *http.Request) (*url.URL, error) {
		if req.URL.Host == "failing.example" {
			return nil, errors.New("s3cret")
		}
		return &url.URL{Scheme: "http", Host: srv.Listener.Addr().String(), User: url.UserPassword("s3cret", "s3cret")}, nil
	}
	p := pool.New(pool.Options{})
	defer p.Close()
	reg := prometheus.NewRegistry()
	reg.MustRegister(poolprom.NewCollector(p, poolprom.Options{}))
	client := roundtripper.Client(srv.Client(), p.Middleware)
	for range 3 {
		req, err := http.NewRequest("POST", strings.Replace(srv.URL, "://", "://s3cret:s3cret@", 1)+"/s3cret?key=s3cret#s3cret", strings.NewReader("s3cret"))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Authorization", "s3cret")
		req.Header.Set("X-S3cret", "s3cret")
		resp, err := client.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
	}
	if _, err := client.Get("http://moved.example/s3cret"); err == nil || !strings.Contains(err.Error(), "s3cret") {
		t.Errorf("of a Location that fails: %v", err)
	}
	metrics := httptest.NewServer(promhttp.HandlerFor(reg, promhttp.HandlerOpts{}))
	defer metrics.Close()
	scrape, err := http.Get(metrics.URL)
	if err != nil {
		t.Fatal(err)
	}
	defer scrape.Body.Close()
	text, err := io.ReadAll(scrape.Body)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{`warmconn_pool_requests_total{host="` + srv.URL + `"} 3`, `warmconn_pool_connections_new_total{host="` + srv.URL + `",reason="body_unread"} 2`, `host="http://moved.example`, `host="http://failing.example`} {
		if !strings.Contains(string(text), want) {
			t.Errorf("the scrape has no line %s", want)
		}
	}
	if strings.Contains(strings.ToLower(string(text)), "s3cret") {
		t.Errorf("the scrape is\n%s", text)
	}
}

// Two Pools in one registry need a label.
func TestTwoPoolsShareARegistryByALabel(t *testing.T) {
	reg := prometheus.NewPedanticRegistry()
	for _, name := range []string{"a", "b"} {
		p := pool.New(pool.Options{})
		defer p.Close()
		prometheus.WrapRegistererWith(prometheus.Labels{"pool": name}, reg).MustRegister(poolprom.NewCollector(p, poolprom.Options{}))
	}
	if value(t, reg, "warmconn_pool_hosts", `"a"`) != 0 || value(t, reg, "warmconn_pool_hosts", `"b"`) != 0 {
		t.Error("not both are there")
	}
}
