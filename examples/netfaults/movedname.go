package main

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"github.com/warmconn/warmconn/internal/testserver"
	"github.com/warmconn/warmconn/pool"
)

// movedName: requests go on to an address that the name has no more, for as long as there
// are connections to it.
func movedName(ctx context.Context, variant string) []*row {
	rows := []*row{{proto: "http"}, {proto: "h2"}}
	var all sync.WaitGroup
	for _, r := range rows {
		all.Go(func() { moves(ctx, variant, r) })
	}
	all.Wait()
	return rows
}

// patience is how long an event may be late on a busy machine.
const patience = 5 * time.Second

func moves(ctx context.Context, variant string, r *row) {
	const name, workers = "api.example", 8
	homes := [2]netip.Addr{netip.MustParseAddr("127.0.0.1"), netip.MustParseAddr("127.0.0.2")}
	var servers [2]*testserver.Server
	var served [2]atomic.Int64
	for i := range servers {
		servers[i] = testserver.New(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			served[i].Add(1)
			hello(w, r)
		}), testserver.Options{HTTP2: r.proto == "h2"})
		defer servers[i].Close()
	}
	var home atomic.Int64
	var dialing, dialed, lookups atomic.Int64 // dials to the old server, and those that came up; lookups that have answered the new address
	base := servers[0].Transport()
	if base.TLSClientConfig != nil {
		base.TLSClientConfig.ServerName = "example.com" // the certificate's
	}
	base.DialContext = func(ctx context.Context, network, _ string) (net.Conn, error) {
		dialing.Add(1) // perhaps; an old one is never missed
		defer dialing.Add(-1)
		i := home.Load()
		c, err := servers[i].Dial(ctx, network, servers[i].Addr)
		if err != nil {
			return nil, err
		}
		dialed.Add(1 - i)
		return at{c, net.TCPAddrFromAddrPort(netip.AddrPortFrom(homes[i], 80))}, nil
	}
	client, end := newClient(variant, base, pool.Options{
		Resolve: 50 * time.Millisecond,
		LookupNetIP: func(context.Context, string) ([]netip.Addr, error) {
			i := home.Load()
			lookups.Add(i)
			return []netip.Addr{homes[i]}, nil
		},
	})
	defer end()
	scheme := "http"
	if r.proto == "h2" {
		scheme = "https"
	}
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	var requests, failed atomic.Int64
	var all sync.WaitGroup
	for range workers {
		all.Go(func() {
			for pace := time.NewTicker(2 * time.Millisecond); ctx.Err() == nil; {
				_, err := get(ctx, client, scheme+"://"+name)
				if requests.Add(1); err != nil && ctx.Err() == nil {
					failed.Add(1)
				}
				select {
				case <-pace.C:
				case <-ctx.Done():
				}
			}
		})
	}
	wait := func(d time.Duration) {
		select {
		case <-time.After(d):
		case <-ctx.Done():
		}
	}
	wait(300 * time.Millisecond)
	home.Store(1)
	wait(500 * time.Millisecond)
	if variant == after { // by now, unless the machine is so busy that lookups or closes are late
		left := func() bool {
			return lookups.Load() < 3 || dialing.Load() > 0 || servers[0].Opened() < int(dialed.Load()) || servers[0].Open() > 0
		}
		for end := time.Now().Add(patience); left() && time.Now().Before(end) && ctx.Err() == nil; {
			wait(10 * time.Millisecond)
		}
		r.check(!left(), "after %d lookups %d connections are open to the old address", lookups.Load(), servers[0].Open())
	}
	old := served[0].Load()
	wait(time.Second)
	late := served[0].Load() - old
	stop()
	all.Wait()
	r.requests, r.failed, r.conns = int(requests.Load()), int(failed.Load()), servers[0].Opened()+servers[1].Opened()
	r.shows = fmt.Sprintf("%d to the old address", late)
	r.check(r.failed == 0, "%d requests failed", r.failed)
	if variant == before {
		r.check(late > 0, "no request went to the old address")
	} else {
		r.check(late == 0, "%d requests went to the old address", late)
	}
}

// at is a connection to a server that says it is at addr. Not every system has more than
// one address of its own.
type at struct {
	net.Conn
	addr net.Addr
}

func (c at) RemoteAddr() net.Addr { return c.addr }
