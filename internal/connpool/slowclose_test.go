package connpool

import (
	"context"
	"net"
	"net/http"
	"sync"
	"testing"
	"time"
)

// closesSlowly is a connection whose Close hangs, as one over an SSH channel may.
type closesSlowly struct {
	net.Conn
	begun chan<- struct{}
	goOn  <-chan struct{}
	once  sync.Once
}

func (c *closesSlowly) Close() error {
	c.once.Do(func() { c.begun <- struct{}{} })
	<-c.goOn
	return c.Conn.Close()
}

// TestASlowCloseHoldsUpNobody: while net/http closes a connection it holds locks, and a
// goroutine that asks it for the connection's state waits for these.
func TestASlowCloseHoldsUpNobody(t *testing.T) {
	for _, protocol := range []string{"http", "tls"} {
		t.Run(protocol, func(t *testing.T) {
			s, base := serve(t, protocol, func(w http.ResponseWriter, r *http.Request) {
				if r.URL.Path == "/half" {
					half(w, r)
				}
				hello(w, r)
			})
			begun, goOn := make(chan struct{}, 10), make(chan struct{})
			transport := func() *http.Transport {
				b := base.Clone()
				b.DialContext = func(ctx context.Context, network, addr string) (net.Conn, error) {
					nc, err := s.Dial(ctx, network, addr)
					return &closesSlowly{Conn: nc, begun: begun, goOn: goOn}, err
				}
				return b
			}
			var closes sync.WaitGroup
			// Before the pools' own end, which waits for their connections.
			release := sync.OnceFunc(func() { close(goOn) })
			defer closes.Wait()
			defer release()
			test := func(t *testing.T, r http.RoundTripper) {
				resp, err := openGet(t.Context(), r, s.URL+"/half")
				if err != nil {
					t.Fatal(err)
				}
				closes.Go(func() { resp.Body.Close() })
				<-begun
				ctx, cancel := context.WithTimeout(t.Context(), hangs)
				defer cancel()
				done := send(ctx, r, s.URL)
				select {
				case err := <-done:
					if err != nil {
						t.Error(err)
					}
				case <-time.After(hangs):
					t.Error("another request to the host waits for a Close")
					release()
				}
			}
			test(t, transport())
			test(t, rt{p: newPool(t, transport(), Options{})})
		})
	}
}
