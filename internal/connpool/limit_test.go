package connpool

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/warmconn/warmconn/internal/eventually"
	"github.com/warmconn/warmconn/internal/fullsize"
)

// TestTheLimitIsExact counts the connections where they are made and closed.
func TestTheLimitIsExact(t *testing.T) {
	const limit = 4
	for _, protocol := range []string{"http", "tls"} {
		for _, byPolicy := range []bool{false, true} {
			t.Run(fmt.Sprint(protocol, byPolicy), func(t *testing.T) {
				t.Parallel()
				s, base := serve(t, protocol, hello)
				var open, peak atomic.Int64
				base.DialContext = func(ctx context.Context, network, addr string) (net.Conn, error) {
					n := open.Add(1)
					for old := peak.Load(); n > old && !peak.CompareAndSwap(old, n); old = peak.Load() {
					}
					nc, err := net.Conn(nil), errors.New("refused")
					switch rand.IntN(10) {
					case 0:
					case 1: // hangs
						select {
						case <-ctx.Done():
						case <-time.After(20 * time.Millisecond):
						}
						err = errors.New("timed out")
					default:
						nc, err = s.Dial(ctx, network, addr)
					}
					if err != nil {
						open.Add(-1)
						return nil, err
					}
					return &counted{Conn: nc, open: &open}, nil
				}
				r := rt{}
				if byPolicy {
					r.p, r.policy.MaxConns = newPool(t, base, Options{MaxUses: 5}), limit
				} else {
					r.p = newPool(t, base, Options{MaxConns: limit, MaxUses: 5})
				}
				var wg sync.WaitGroup
				for w := range 16 {
					wg.Go(func() {
						for i := range fullsize.Of(25, 12) {
							ctx, cancel := context.WithCancel(context.Background())
							if (w+i)%3 == 0 {
								ctx, cancel = context.WithTimeout(ctx, time.Duration(rand.IntN(3000))*time.Microsecond)
							}
							if resp, err := openGet(ctx, r, s.URL); err == nil {
								if i%4 > 0 {
									io.Copy(io.Discard, resp.Body)
								}
								resp.Body.Close()
							}
							cancel()
						}
					})
				}
				wg.Wait()
				if n := peak.Load(); n > limit {
					t.Errorf("%d connections at once, the limit is %d", n, limit)
				}
				settles(t, r.p)
				eventually.True(t, "the connections to be closed", func() bool { return open.Load() == 0 })
			})
		}
	}
}

// TestTheLimitHoldsForAHostThatSpokeHTTP2Before: the policy's limit does not count HTTP/2
// connections, and the host speaks only HTTP/1 since.
func TestTheLimitHoldsForAHostThatSpokeHTTP2Before(t *testing.T) {
	const limit, requests = 2, 10
	var back atomic.Bool
	goOn := make(chan struct{})
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.ProtoMajor == 1 {
			<-goOn
		}
		hello(w, r)
	}))
	s.EnableHTTP2 = true
	s.TLS = new(tls.Config)
	s.TLS.GetConfigForClient = func(*tls.ClientHelloInfo) (*tls.Config, error) {
		if !back.Load() {
			return nil, nil
		}
		c := s.TLS.Clone()
		c.GetConfigForClient, c.NextProtos = nil, []string{"http/1.1"}
		return c, nil
	}
	s.StartTLS()
	defer s.Close()
	base := s.Client().Transport.(*http.Transport).Clone()
	base.ForceAttemptHTTP2 = true
	d := newDialer(base)
	p := newPool(t, base, Options{})
	r := rt{p: p, policy: Policy{MaxConns: limit}}
	first := send(t.Context(), r, s.URL)
	(<-d.begun) <- nil
	if err := <-first; err != nil {
		t.Fatal(err)
	}
	back.Store(true)
	eventually.True(t, "the stream to end", func() bool { return inFlight(p) == 0 })
	p.CloseIdleConnections()
	opensNone(t, p)
	var all []<-chan error
	for range requests {
		all = append(all, send(t.Context(), r, s.URL))
	}
	waitWaiting(t, p, requests)
	for n := 1; n <= limit; n++ {
		(<-d.begun) <- nil
		waitCount(t, p, active, n) // the Pool has acted on the protocol that it shows
	}
	if n := count(p, active) + count(p, dialing); n != limit {
		t.Errorf("%d connections over HTTP/1, want %d", n, limit)
	}
	close(goOn)
	for _, done := range all {
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
}

// TestUnderALimitTheOldestRequestIsNextWhateverItsRoute: a WebSocket's handshake must not get
// HTTP/2, so it has a route of its own, and can't use the other requests' connection. Bare
// net/http has one limit for each of the two.
func TestUnderALimitTheOldestRequestIsNextWhateverItsRoute(t *testing.T) {
	goOn := make(chan struct{})
	order := make(chan string, 10)
	s, base := serve(t, "tls", func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/first" {
			<-goOn
		}
		order <- r.URL.Path
		hello(w, r)
	})
	p := newPool(t, base, Options{MaxConns: 1})
	r := rt{p: p}
	first := send(t.Context(), r, s.URL+"/first")
	waitCount(t, p, active, 1)
	var all []<-chan error
	for n := range 4 {
		if n == 0 {
			done := make(chan error, 1)
			go func() {
				req, _ := http.NewRequest("GET", s.URL+"/handshake", nil)
				req.Header.Set("Connection", "Upgrade")
				req.Header.Set("Upgrade", "websocket")
				resp, err := r.RoundTrip(req)
				if err == nil {
					io.Copy(io.Discard, resp.Body)
					resp.Body.Close()
				}
				done <- err
			}()
			all = append(all, done)
		} else {
			all = append(all, send(t.Context(), r, s.URL+"/later"))
		}
		waitWaiting(t, p, n+1)
	}
	close(goOn)
	for _, done := range append(all, first) {
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
	if a, b := <-order, <-order; a != "/first" || b != "/handshake" {
		t.Errorf("%s and then %s was served, and the handshake had waited for longest", a, b)
	}
}

type counted struct {
	net.Conn
	open *atomic.Int64
	once sync.Once
}

func (c *counted) Close() error {
	err := c.Conn.Close()
	c.once.Do(func() { c.open.Add(-1) })
	return err
}
