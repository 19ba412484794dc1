package pool_test

import (
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/warmconn/warmconn/drain"
	"github.com/warmconn/warmconn/internal/fullsize"
	"github.com/warmconn/warmconn/internal/testserver"
	"github.com/warmconn/warmconn/pool"
	"github.com/warmconn/warmconn/roundtripper"
)

// onlyReader is a body that can't be rewound: net/http could not send its request again.
type onlyReader struct{ io.Reader }

var overProtocols = []struct {
	name string
	opts testserver.Options
}{
	{"HTTP1", testserver.Options{}},
	{"TLS", testserver.Options{TLS: true}},
	{"HTTP2", testserver.Options{HTTP2: true}},
}

// Busy and idle connections are retired under load, and no request fails for it, not even one
// that net/http could not send again.
func TestRetirementFailsNoRequest(t *testing.T) {
	t.Parallel()
	const workers = 20
	for _, proto := range overProtocols {
		for _, o := range []pool.Options{
			{MaxConnAge: 10 * time.Millisecond},
			{MaxConnRequests: 10},
		} {
			t.Run(fmt.Sprintf("%s/age=%v,requests=%d", proto.name, o.MaxConnAge, o.MaxConnRequests), func(t *testing.T) {
				requests := fullsize.Of(100_000, 200)
				if proto.opts.TLS || o.MaxConnAge == 0 {
					requests = fullsize.Of(10_000, 200) // handshakes take their time; and the load is the same
				}
				if raceEnabled && fullsize.Asked() {
					requests /= 5
				}
				srv := testserver.New(http.HandlerFunc(echo), proto.opts)
				defer srv.Close()
				p := pool.New(o)
				defer p.Close()
				client := roundtripper.Client(&http.Client{Transport: srv.Transport()}, drain.New(drain.Options{}).Middleware, p.Middleware)
				want := roundtripper.ReasonMaxAge
				if o.MaxConnAge == 0 {
					want = roundtripper.ReasonMaxRequests
				}
				many := uint64(fullsize.Of(10, 4))
				if proto.opts.HTTP2 {
					many = uint64(fullsize.Of(5, 2)) // a busy one serves more until its successor is there
				}
				// A fast machine has sent the requests before the connections are old enough, and a
				// busy one sends few in the time: the workers go on until enough are retired, or
				// until both many requests were sent and many ages went by.
				var sent atomic.Int64
				start := time.Now()
				// Where a handshake takes longer than a connection may live, its successor is retired before a
				// request has it; but not each.
				retired := func() uint64 {
					lost := p.Stats().Lost
					if lost[want] == 0 {
						return 0
					}
					return lost[want] + lost["unused"]
				}
				goesOn := func() bool {
					n := int(sent.Add(2))
					if n <= requests || retired() < many && (n <= 10*requests || time.Since(start) < 20*o.MaxConnAge) {
						return true
					}
					sent.Add(-2)
					return false
				}
				var wg sync.WaitGroup
				for range workers {
					wg.Go(func() {
						for goesOn() {
							if err := errors.Join(post(client, srv.URL, rand.IntN(10_000)), get(client, srv.URL)); err != nil {
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
				t.Logf("%d requests, %d connections, lost by reason: %v", sent.Load(), srv.Opened(), lost)
				if n := retired(); n < many {
					t.Errorf("%d connections retired, want %d at least", n, many)
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

// The Pool has no request ask the server to close the connection: a server that answers an upload
// early would close it during the upload. Over a base that the Pool does not own there is no
// other way to retire connections, so it retires none.
func TestRetirementAsksNoServerToClose(t *testing.T) {
	t.Parallel()
	asked := func(r *http.Request) bool { return r.Close || len(r.Header["Connection"]) > 0 }
	srv := testserver.New(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if asked(r) {
			t.Error("the server is asked to close the connection")
		}
		hello(w, r)
	}), testserver.Options{})
	defer srv.Close()
	p := pool.New(pool.Options{MaxConnRequests: 10, MaxConnAge: time.Minute})
	defer p.Close()
	client := roundtripper.Client(&http.Client{Transport: &http.Transport{}}, p.Middleware)
	defer client.CloseIdleConnections()
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for range fullsize.Of(500, 140) {
				resp, err := client.Post(srv.URL, "text/plain", onlyReader{strings.NewReader("x")})
				if err == nil {
					io.Copy(io.Discard, resp.Body)
					resp.Body.Close()
					err = get(client, srv.URL)
				}
				if err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	wg.Wait()
	if n := p.Stats().Lost[roundtripper.ReasonMaxRequests]; n < 100 {
		t.Errorf("%d connections retired, want many", n)
	}
	foreign := p.Middleware(roundtripper.Func(func(r *http.Request) (*http.Response, error) {
		if asked(r) {
			t.Error("a base that is not owned is asked to close the connection")
		}
		return &http.Response{StatusCode: 204, Body: http.NoBody, Request: r}, nil
	}))
	for range 20 {
		if err := get(&http.Client{Transport: foreign}, srv.URL); err != nil {
			t.Fatal(err)
		}
	}
}

// A connection to a proxy that forwards plain http serves requests to any host.
func TestRetirementFailsNoRequestThroughAForwardingProxy(t *testing.T) {
	t.Parallel()
	proxy := testserver.New(http.HandlerFunc(echo), testserver.Options{})
	defer proxy.Close()
	u, err := url.Parse(proxy.URL)
	if err != nil {
		t.Fatal(err)
	}
	p := pool.New(pool.Options{MaxConnAge: 5 * time.Millisecond})
	defer p.Close()
	base := proxy.Transport()
	base.Proxy = http.ProxyURL(u)
	client := roundtripper.Client(&http.Client{Transport: base}, p.Middleware)
	defer client.CloseIdleConnections()
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range fullsize.Of(1000, 80) {
				host := fmt.Sprintf("http://host%d.example/", rand.IntN(4))
				if err := post(client, host, rand.IntN(100)); err != nil {
					t.Error(err)
					return
				}
				if rand.IntN(5) == 0 {
					time.Sleep(rand.N(6 * time.Millisecond)) // some lie idle until they are too old
				}
			}
		})
	}
	wg.Wait()
}

// A client sends only uploads that net/http could not send again. Its connections are retired
// like others, over unencrypted HTTP/2 as well.
func TestRequestsLimitActsOnUploads(t *testing.T) {
	t.Parallel()
	const workers, most = 8, 10
	uploads := fullsize.Of(400, 160)
	prior := new(http.Protocols)
	prior.SetUnencryptedHTTP2(true)
	protocols := append(overProtocols[:len(overProtocols):len(overProtocols)], struct {
		name string
		opts testserver.Options
	}{"HTTP2 unencrypted", testserver.Options{Config: func(s *http.Server) { s.Protocols = prior }}})
	for _, proto := range protocols {
		t.Run(proto.name, func(t *testing.T) {
			srv := testserver.New(http.HandlerFunc(echo), proto.opts)
			defer srv.Close()
			base := srv.Transport()
			if proto.opts.Config != nil {
				base.Protocols = prior
			}
			p := pool.New(pool.Options{MaxConnRequests: most})
			defer p.Close()
			client := &http.Client{Transport: p.Middleware(base)}
			want := uint64(uploads / most / 2)
			if strings.HasPrefix(proto.name, "HTTP2") {
				want = uint64(uploads / most / 10) // requests go on a connection whose successor is being made
			}
			retired := func() uint64 { return p.Stats().Lost[roundtripper.ReasonMaxRequests] }
			var sent atomic.Int32
			var wg sync.WaitGroup
			for range workers {
				wg.Go(func() {
					// On a busy machine a successor takes as long as many uploads.
					for i := int(sent.Add(1)); i <= uploads || i <= 20*uploads && retired() < want; i = int(sent.Add(1)) {
						if err := post(client, srv.URL, rand.IntN(10_000)); err != nil {
							t.Error(err)
							return
						}
					}
				})
			}
			wg.Wait()
			lost, all := retired(), int(sent.Load())-workers
			if lost < want || lost > uint64(all/most) {
				t.Errorf("%d connections retired after %d uploads each, of %d, want %d at least", lost, most, all, want)
			}
		})
	}
}
