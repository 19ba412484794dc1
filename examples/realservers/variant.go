package main

import (
	"context"
	"crypto/tls"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/warmconn/warmconn/drain"
	"github.com/warmconn/warmconn/examples/realservers/internal/child"
	"github.com/warmconn/warmconn/pool"
	"github.com/warmconn/warmconn/roundtripper"
)

// The names of the variants.
const (
	bare    = "bare"
	again   = "bare again" // another one, to tell how much one and the same client varies
	kit     = "kit"        // drain and pool
	limited = "kit, max 5" // the same, with a limit of 5 for each host
)

// A variant is one way to send requests, with a transport of its own.
type variant struct {
	name   string
	client *http.Client
	opened atomic.Int64 // connections, as the base transport's dialer counts them
	close  func()
	pool   *pool.Pool // nil without the kit
	limit  int        // the pool's MaxPerHost

	mu  sync.Mutex
	new map[roundtripper.NewReason]int // why the kit says that a connection was new; guarded by mu
}

func newVariants(keys *child.Keys, far time.Duration) []*variant {
	return []*variant{
		newBare(bare, keys, far),
		newBare(again, keys, far),
		newKit(kit, pool.Options{}, keys, far),
		newKit(limited, pool.Options{MaxPerHost: 5}, keys, far),
	}
}

// newBare has room for all the connections that it may make: 2 of them, as
// net/http has it by default, would be another fault than those of these
// scenarios.
func newBare(name string, keys *child.Keys, far time.Duration) *variant {
	v := &variant{name: name}
	t := v.transport(keys, far)
	t.MaxIdleConnsPerHost = t.MaxIdleConns
	v.client = &http.Client{Transport: t}
	v.close = t.CloseIdleConnections
	return v
}

func newKit(name string, o pool.Options, keys *child.Keys, far time.Duration) *variant {
	v := &variant{name: name, pool: pool.New(o), limit: o.MaxPerHost, new: make(map[roundtripper.NewReason]int)}
	d := drain.New(drain.Options{})
	observe := roundtripper.Observe(roundtripper.Observer{End: v.end})
	v.client = roundtripper.Client(&http.Client{Transport: v.transport(keys, far)}, observe, d.Middleware, v.pool.Middleware)
	v.close = func() {
		v.client.CloseIdleConnections()
		d.Close()
		v.pool.Close()
	}
	return v
}

// transport is net/http's default but for the certificate that it trusts, the
// environment's proxies, and the count of its connections.
func (v *variant) transport(keys *child.Keys, far time.Duration) *http.Transport {
	t := http.DefaultTransport.(*http.Transport).Clone()
	t.Proxy = nil
	t.TLSClientConfig = &tls.Config{RootCAs: keys.Trusted}
	var d net.Dialer
	t.DialContext = func(ctx context.Context, network, addr string) (net.Conn, error) {
		if far > 0 {
			select {
			case <-time.After(far):
			case <-ctx.Done():
				return nil, ctx.Err()
			}
		}
		c, err := d.DialContext(ctx, network, addr)
		if err == nil {
			v.opened.Add(1)
		}
		return c, err
	}
	return t
}

func (v *variant) end(_ context.Context, x roundtripper.Exchange) {
	if x.NewReason == "" {
		return
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	v.new[x.NewReason]++
}

// atRest is the pool's Stats once no connection is being dialed, or after 20 s: the
// dialer has counted those, and the pool not yet.
func (v *variant) atRest() pool.Stats {
	for end := time.Now().Add(20 * time.Second); ; time.Sleep(time.Millisecond) {
		s, dialing := v.pool.Stats(), 0
		for _, h := range s.Hosts {
			dialing += h.Dialing
		}
		if dialing == 0 || time.Now().After(end) {
			return s
		}
	}
}
