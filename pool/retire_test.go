package pool_test

import (
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/warmconn/warmconn/drain"
	"github.com/warmconn/warmconn/internal/eventually"
	"github.com/warmconn/warmconn/internal/testserver"
	"github.com/warmconn/warmconn/pool"
	"github.com/warmconn/warmconn/roundtripper"
)

// onlyReader can't be rewound: net/http could not retry such a request.
type onlyReader struct{ io.Reader }

var overProtocols = []struct {
	name string
	opts testserver.Options
}{
	{"HTTP1", testserver.Options{}},
	{"TLS", testserver.Options{TLS: true}},
	{"HTTP2", testserver.Options{HTTP2: true}},
}

// Connections are retired under load, busy ones and idle ones, and no request
// pays for it: not one that net/http could not try again either.
func TestRetirementFailsNoRequest(t *testing.T) {
	const workers = 20
	for _, proto := range overProtocols {
		for _, o := range []pool.Options{
			{MaxConnAge: 10 * time.Millisecond},
			{MaxConnRequests: 10},
		} {
			t.Run(fmt.Sprintf("%s/age=%v,requests=%d", proto.name, o.MaxConnAge, o.MaxConnRequests), func(t *testing.T) {
				requests := 100_000
				if proto.opts.TLS {
					requests /= 10 // handshakes take their time
				}
				if raceEnabled {
					requests /= 5
				}
				srv := testserver.New(http.HandlerFunc(echo), proto.opts)
				defer srv.Close()
				p := pool.New(o)
				defer p.Close()
				client := roundtripper.Client(&http.Client{Transport: srv.Transport()}, drain.New(drain.Options{}).Middleware, p.Middleware)
				var wg sync.WaitGroup
				for range workers {
					wg.Go(func() {
						for range requests / 2 / workers {
							if err := errors.Join(post(client, srv.URL, rand.IntN(10_000)), fetch(client, srv.URL)); err != nil {
								t.Error(err)
								return
							}
							if rand.IntN(50) == 0 {
								time.Sleep(rand.N(12 * time.Millisecond)) // some lie idle until they are too old
							}
						}
					})
				}
				wg.Wait()
				lost := p.Stats().Lost
				t.Logf("%d requests, %d connections, lost by reason: %v", requests, srv.Opened(), lost)
				want := roundtripper.ReasonMaxAge
				if o.MaxConnAge == 0 {
					want = roundtripper.ReasonMaxRequests
				}
				if lost[want] < 10 {
					t.Errorf("%d connections retired, want many", lost[want])
				}
			})
		}
	}
}

func echo(w http.ResponseWriter, r *http.Request) {
	n, err := io.Copy(io.Discard, r.Body)
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	fmt.Fprint(w, n)
}

func post(client *http.Client, url string, n int) error {
	resp, err := client.Post(url, "text/plain", onlyReader{strings.NewReader(strings.Repeat("x", n))})
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if got, err := io.ReadAll(resp.Body); err != nil || string(got) != fmt.Sprint(n) {
		return fmt.Errorf("posted %d bytes, the server got %s, %v", n, got, err)
	}
	return nil
}

func fetch(client *http.Client, url string) error {
	resp, err := client.Get(url)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	_, err = io.Copy(io.Discard, resp.Body)
	return err
}

func TestIdleConnectionIsRetiredAtItsAge(t *testing.T) {
	for _, proto := range overProtocols {
		t.Run(proto.name, func(t *testing.T) {
			srv := testserver.New(http.HandlerFunc(hello), proto.opts)
			defer srv.Close()
			p := pool.New(pool.Options{MaxConnAge: 20 * time.Millisecond})
			defer p.Close()
			client := roundtripper.Client(&http.Client{Transport: srv.Transport()}, p.Middleware)
			if err := fetch(client, srv.URL); err != nil {
				t.Fatal(err)
			}
			eventually.True(t, "the connection is closed", func() bool { return srv.Open() == 0 })
			if s := p.Stats(); s.Open != 0 || s.Lost[roundtripper.ReasonMaxAge] != 1 {
				t.Errorf("open %d, lost %v; want none open, one by its age", s.Open, s.Lost)
			}
		})
	}
}

// A server closes a connection that was idle for too long, by its own count; a
// request that goes out on it at that moment fails.
func TestServersKeepAliveTimeoutIsHeeded(t *testing.T) {
	for _, row := range []struct {
		header string
		closed bool
	}{
		{"timeout=1", true},
		{"timeout=1, max=100", true},
		{"max=7, Timeout=\"1\"", true},
		{"timeout=3600", false},
		{"timeout=0", false},
		{"timeout=soon", false},
		{"max=1", false},
	} {
		t.Run(row.header, func(t *testing.T) {
			t.Parallel()
			srv := testserver.New(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				w.Header().Set("Keep-Alive", row.header)
				if r.Method == "GET" {
					hello(w, r)
				}
			}), testserver.Options{})
			defer srv.Close()
			p := pool.New(pool.Options{})
			defer p.Close()
			client := roundtripper.Client(&http.Client{Transport: srv.Transport()}, p.Middleware)
			for _, method := range []string{"GET", "HEAD"} {
				before := p.Stats().Lost[roundtripper.ReasonIdleTimeout]
				req, _ := http.NewRequest(method, srv.URL, nil)
				resp, err := client.Do(req)
				if err != nil {
					t.Fatal(err)
				}
				io.Copy(io.Discard, resp.Body)
				resp.Body.Close()
				began := time.Now()
				for time.Since(began) < 700*time.Millisecond && srv.Open() > 0 {
					time.Sleep(10 * time.Millisecond)
				}
				if closed := srv.Open() == 0; closed != row.closed {
					t.Errorf("%s: closed %v after %v, want %v", method, closed, time.Since(began), row.closed)
				}
				if got := p.Stats().Lost[roundtripper.ReasonIdleTimeout] - before; row.closed != (got == 1) {
					t.Errorf("%s: %d lost by idle_timeout", method, got)
				}
			}
		})
	}
}
