package pool_test

import (
	"context"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/warmconn/warmconn/internal/testserver"
	"github.com/warmconn/warmconn/pool"
	"github.com/warmconn/warmconn/roundtripper"
)

// swallower dials connections whose writes are swallowed once forget was called. It hides
// their sockets, so that the kernel can't be asked.
type swallower struct {
	dial func(ctx context.Context, network, addr string) (net.Conn, error)
	gone *atomic.Bool // of the connections that are dialed from now on
	far  time.Duration
}

type swallowed struct {
	net.Conn
	gone *atomic.Bool
}

func (c swallowed) Write(p []byte) (int, error) {
	if c.gone.Load() {
		return len(p), nil
	}
	return c.Conn.Write(p)
}

// swallows puts a swallower into base.
func swallows(base *http.Transport) *swallower {
	s := &swallower{dial: base.DialContext, gone: new(atomic.Bool)}
	if s.dial == nil {
		s.dial = new(net.Dialer).DialContext
	}
	base.DialContext = func(ctx context.Context, network, addr string) (net.Conn, error) {
		time.Sleep(s.far) // of the bubble's clock
		nc, err := s.dial(ctx, network, addr)
		return swallowed{nc, s.gone}, err
	}
	return s
}

func (s *swallower) forget() {
	s.gone.Store(true)
	s.gone = new(atomic.Bool)
}

// aside runs f in a bubble, over a pool on a network that can forget.
func aside(t *testing.T, proto testserver.Options, h http.HandlerFunc, f func(client *http.Client, url string, net *swallower, p *pool.Pool)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		proto.Memory = true
		srv := testserver.New(h, proto)
		defer srv.Close()
		p := pool.New(pool.Options{})
		defer p.Close()
		base := srv.Transport()
		s := swallows(base)
		client := roundtripper.Client(&http.Client{Transport: base}, p.Middleware)
		defer client.CloseIdleConnections() // see inBubble
		f(client, srv.URL, s, p)
	})
}

// inMany sends n requests at once, and reports how many failed in time.
func inMany(client *http.Client, url string, n int, most time.Duration) int {
	var failed atomic.Int32
	var all sync.WaitGroup
	for range n {
		all.Go(func() {
			if inTime(client, url, most) != nil {
				failed.Add(1)
			}
		})
	}
	all.Wait()
	return int(failed.Load())
}

// slow answers after a second, or after 10 ms if the request asks for that.
func slow(w http.ResponseWriter, r *http.Request) {
	after := map[string]time.Duration{"/slow": time.Second, "/short": 10 * time.Millisecond}[r.URL.Path]
	select {
	case <-time.After(after):
	case <-r.Context().Done():
	}
	hello(w, r)
}

// TestASecondSilentTimeOutCondemns, where the kernel can't be asked.
func TestASecondSilentTimeOutCondemns(t *testing.T) {
	const deadline = 300 * time.Millisecond
	for _, proto := range overProtocols {
		t.Run(proto.name, func(t *testing.T) {
			aside(t, proto.opts, slow, func(client *http.Client, url string, net *swallower, p *pool.Pool) {
				inMany(client, url+"/slow", 8, time.Minute)
				net.forget()
				failed := 0
				for range 20 {
					if inTime(client, url, deadline) != nil {
						failed++
					}
				}
				synctest.Wait()
				s := p.Stats()
				t.Logf("%d of 20 requests failed; lost %v", failed, s.Lost)
				if failed != 2 || s.Open != 1 || s.Lost[roundtripper.ReasonDead] == 0 {
					t.Errorf("%d failed, %d open, lost %v; want the first two, and the others dead", failed, s.Open, s.Lost)
				}
			})
		})
	}
}

// TestASlowServerIsNotCondemned, where the kernel can't be asked, unless it is silent to two
// requests in a row.
func TestASlowServerIsNotCondemned(t *testing.T) {
	const deadline = 300 * time.Millisecond
	for name, f := range map[string]func(client *http.Client, url string){
		"answers came between": func(client *http.Client, url string) {
			for range 5 {
				inTime(client, url+"/slow", deadline)
				inTime(client, url, deadline)
			}
		},
		"the time-outs are of one moment": func(client *http.Client, url string) { inMany(client, url+"/slow", 5, deadline) },
		"too short to know": func(client *http.Client, url string) {
			for range 5 {
				inTime(client, url+"/slow", deadline/2)
			}
		},
		"three round trips were no time": func(client *http.Client, url string) {
			for range 5 {
				inTime(client, url+"/slow", deadline)
			}
		},
		"the caller gave up": func(client *http.Client, url string) {
			for range 5 {
				ctx, cancel := context.WithCancel(context.Background())
				time.AfterFunc(deadline, cancel)
				req, _ := http.NewRequestWithContext(ctx, "GET", url+"/slow", nil)
				if resp, err := client.Do(req); err == nil {
					resp.Body.Close() // the server's answer to the cancel, in the same moment
				}
			}
		},
	} {
		for _, proto := range overProtocols {
			t.Run(name+"/"+proto.name, func(t *testing.T) {
				aside(t, proto.opts, slow, func(client *http.Client, url string, net *swallower, p *pool.Pool) {
					if name == "three round trips were no time" {
						net.far = 200 * time.Millisecond
					}
					inMany(client, url+"/slow", 12, time.Minute)
					f(client, url)
					if s := p.Stats(); s.Lost[roundtripper.ReasonDead] != 0 {
						t.Errorf("lost %v", s.Lost)
					}
				})
			})
		}
	}
}

// TestAHostIsSweptOnceInASecond: connections that die after a sweep wait for the next one.
func TestAHostIsSweptOnceInASecond(t *testing.T) {
	const deadline = 300 * time.Millisecond
	aside(t, testserver.Options{}, slow, func(client *http.Client, url string, net *swallower, _ *pool.Pool) {
		for i, want := range []int{2, 4} { // the second time 300, 600 and 900 ms behind the sweep, and then 1.2 s
			inMany(client, url+"/short", 8, time.Minute)
			net.forget()
			failed := 0
			for range 10 {
				if inTime(client, url, deadline) != nil {
					failed++
				}
			}
			if failed != want {
				t.Errorf("death %d: %d requests failed, want %d", i+1, failed, want)
			}
		}
	})
}

// TestAnHTTP2ConnectionThatIsDeadIsFoundByItsPings, without a deadline of a request, and without
// the transport's own setting of pings.
func TestAnHTTP2ConnectionThatIsDeadIsFoundByItsPings(t *testing.T) {
	aside(t, testserver.Options{HTTP2: true}, slow, func(client *http.Client, url string, net *swallower, p *pool.Pool) {
		inTime(client, url, time.Minute)
		net.forget()
		began := time.Now()
		err := inTime(client, url, time.Hour)
		if took := time.Since(began); err == nil || took != 45*time.Second {
			t.Errorf("%v, after %v; want an error after 45 s", err, took)
		}
		if err := inTime(client, url, time.Second); err != nil {
			t.Error(err)
		}
		net.forget()
		time.Sleep(45 * time.Second)
		synctest.Wait()
		if s := p.Stats(); s.Open != 0 || s.Lost[roundtripper.ReasonDead] != 2 {
			t.Errorf("%d open, lost %v; want both dead", s.Open, s.Lost)
		}
	})
}

// TestAnHTTP2ConnectionThatTheProgramClosesIsNotDead, even if nothing came on it for long.
func TestAnHTTP2ConnectionThatTheProgramClosesIsNotDead(t *testing.T) {
	aside(t, testserver.Options{HTTP2: true}, slow, func(client *http.Client, url string, net *swallower, p *pool.Pool) {
		var conn io.Closer
		ctx := httptrace.WithClientTrace(context.Background(), &httptrace.ClientTrace{GotConn: func(i httptrace.GotConnInfo) { conn = i.Conn }})
		req, _ := http.NewRequestWithContext(ctx, "GET", url, nil)
		resp, err := client.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		io.Copy(io.Discard, resp.Body)
		resp.Body.Close()
		synctest.Wait()
		net.forget() // or the server would answer that
		time.Sleep(20 * time.Second)
		conn.Close()
		synctest.Wait()
		if s := p.Stats(); s.Lost[roundtripper.ReasonConnError] != 1 {
			t.Errorf("lost %v, want one conn_error", s.Lost)
		}
	})
}

// inTime is get with a deadline.
func inTime(client *http.Client, url string, most time.Duration) error {
	ctx, cancel := context.WithTimeout(context.Background(), most)
	defer cancel()
	return getIn(ctx, client, url)
}
