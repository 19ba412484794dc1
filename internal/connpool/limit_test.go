package connpool

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/warmconn/warmconn/internal/eventually"
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
						for i := range 25 {
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
